# Runs log versions; deleting one keeps them unless told otherwise.
cull init >/dev/null
bytes 10 src/a
cull put e/p/first src --run r1 >/dev/null
bytes 20 src/a
cull put e/p/first src --run r2 >/dev/null
cull put e/p/second src --run r1 >/dev/null
run cull run ls
run cull run ls e/p
json ok run ls
run cull run delete e/p/r1 --delete-artifacts --dry-run
run cull run delete e/p/r1
run cull run ls
run cull ls e/p/first
run cull run delete e/p/r1
run cull run delete e/p/r2 --delete-artifacts
run cull ls e/p/first
run cull trash
run cull run delete r2
run cull run stop r2
run cull run delete
