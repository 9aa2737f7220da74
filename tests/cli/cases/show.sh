# One version, whole.
a_store
run cull show team/vision/pets
run cull show team/vision/pets:v0 --files
json ok show team/vision/pets:latest --files
cull delete team/vision/pets:v0 >/dev/null
run cull show team/vision/pets:v0
json ok show team/vision/pets:v0
run cull show team/vision/pets:v2
run cull show team/vision/pet
json notfound show team/vision/pets:v2
# what a version was added with, whatever bytes these are
open_upload "$CULL_STORE" team/vision/notes 60 'Two lines,
and a bell: '"$(printf '\a')" '{"lr": 0.5, "tags": ["caf\u00e9", "é"]}'
run cull show team/vision/notes
json ok show team/vision/notes
open_upload "$CULL_STORE" team/vision/meta 60 '' '{}'
cull show team/vision/meta | tail -n 2
sql "$CULL_STORE/cull.db" 'DELETE FROM document WHERE length(data) < 10'
run cull show team/vision/meta
json damaged show team/vision/meta
cull gc >/dev/null
run cull show team/vision/pets:v0
