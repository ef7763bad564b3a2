"""Is an object healthy? Verdicts as kstatus gives them, on objects alone.

``kstatus`` has the rules by kind, ``jobs`` the stricter rule for Jobs, ``expressions`` the users'
own CEL rules, ``pods`` what failed pods mean for their owner, ``rollup`` the decision whether a
wait is over. Start at :class:`steersman.health.verdict.Verdict`.
"""
