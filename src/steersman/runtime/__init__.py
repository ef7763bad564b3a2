"""The controller runtime: reflectors, caches, queues, the envelope. It knows no Flux kind."""
