# Rule 11: with strict links any link keeps its source, until it is taken away.
cull init --grace 0 --strict-links >/dev/null
bytes 5 src/a
cull put e/p/c src >/dev/null
run cull link e/p/c e/r/c
run cull delete e/p/c:latest --delete-aliases
run cull delete --collection e/p/c
run cull delete --collection e/p/c --skip-protected
run cull unlink e/r/c:v0
run cull delete --collection e/p/c
