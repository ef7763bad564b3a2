"""What a control plane does by itself: collect garbage, end namespaces, keep default objects.

The controllers live inside the server. They see every commit as it happens, note a key, and act in
a later turn of the event loop, in the order of the commits: nothing is polled, and under virtual
time everything happens at the same moment in the same order.
"""
