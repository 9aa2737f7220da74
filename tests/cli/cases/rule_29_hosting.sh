# A cycle runs only where garbage collection is enabled; what is missing is named, and nothing changes.
run cull init cloudy --hosting cloudy
cull init --grace 0 --hosting on-premises >/dev/null
bytes 2000 src/cat
cull put team/vision/pets src >/dev/null
bytes 1000 src/dog
cull put team/vision/pets src >/dev/null
run cull delete team/vision/pets:v0
unset GORILLA_ARTIFACT_GC_ENABLED
run cull gc
run cull gc --dry-run
cull stat | sed -n 2p
cull --json stat | grep -o '"gc_enabled":[a-z]*'
cull trash | wc -l
GORILLA_ARTIFACT_GC_ENABLED=false
export GORILLA_ARTIFACT_GC_ENABLED
json refused gc
GORILLA_ARTIFACT_GC_ENABLED=true
run cull gc
cull --json stat | grep -o '"gc_enabled":[a-z]*'

# A local directory needs nothing.
unset GORILLA_ARTIFACT_GC_ENABLED
CULL_STORE=$PWD/plain
cull init --grace 0 >/dev/null
run cull gc
