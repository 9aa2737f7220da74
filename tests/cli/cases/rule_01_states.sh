# What a client sees of a version: pending while it is uploaded, committed, deleted (first so that it can
# be restored, then for good, with a record that stays).
a_store
open_upload "$CULL_STORE" team/vision/pets >/dev/null
cull ls --uploads | sed -n 's/^upload:[0-9]*  *\([a-z/]*\) .*/pending: \1/p'
cull --json ls team/vision/pets | grep -o '"state":"[a-z]*"'
run cull delete team/vision/pets:v0
cull --json show team/vision/pets:v0 | grep -o '"state":"[a-z]*"'
run cull restore team/vision/pets:v0
cull --json show team/vision/pets:v0 | grep -o '"state":"[a-z]*"'
cull delete team/vision/pets:v0 >/dev/null
run cull gc
run cull show team/vision/pets:v0
run cull restore team/vision/pets:v0
cull audit team/vision/pets:v0 | awk '{ print $3, $4 }'
