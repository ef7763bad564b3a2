"""The Flux kinds we own, as frozen structs, and their definitions generated from them."""
