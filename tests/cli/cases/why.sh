# Who holds a blob.
a_store
cp src/cat src/copy-of-cat
cull put team/vision/other src >/dev/null
run cull why team/vision/pets:v0/cat
digest=$(sha256sum src/cat | cut -c 1-64)
run cull why "$digest"
run cull why "$(echo "$digest" | tr a-f A-F)"
json ok why team/vision/pets:v1/rat
cull delete team/vision/pets:v1 --delete-aliases >/dev/null
run cull why team/vision/pets:v1/rat
cull delete team/vision/other:v0 --delete-aliases >/dev/null
run cull why team/vision/other:v0/copy-of-cat
cull gc >/dev/null
run cull why "$(sha256sum src/rat | cut -c 1-64)"
run cull why team/vision/pets:v0/rat
run cull why team/vision/pets:v1/rat
run cull why team/vision/pets/cat
run cull why 1234
run cull why "${digest}0"
json notfound why team/vision/pets:v0/nothing
