"""Whether an object has become what its spec asks: kstatus rules, jobs, CEL expressions."""
