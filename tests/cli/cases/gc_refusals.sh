# What a cycle refuses, and how that is overridden.
a_store
cull delete team/vision/pets:v0 team/vision/pets:v1 --delete-aliases >/dev/null
run cull gc --dry-run
run cull gc
json refused gc
run cull fsck
run cull gc --allow-empty-store
run find store/objects -type f
# over half of the blobs, and over 1,000
mkdir many
i=0
while [ $i -lt 1001 ]; do
    echo $i >many/$i
    i=$((i + 1))
done
cull put e/p/many many >/dev/null
cull put e/p/few src >/dev/null
cull delete e/p/many:v0 --delete-aliases >/dev/null
run cull gc --verify full | tail -n 1
cull gc --dry-run | tail -n 1
cull gc >out 2>err
echo "exit $?"
tail -n 1 err
run cull gc --allow-large-plan
# an index holds no objects to delete
cull --store index init --objects none --grace 0 >/dev/null
run cull --store index put e/p/c src
run cull --store index ls e/p/c
run cull --store index get e/p/c out
run cull --store index delete e/p/c:v0 --delete-aliases --bytes
run cull --store index gc --allow-empty-store
run cull --store index fsck
