# Imports into an index that come to nothing: their content was there before, and others use it. No
# list says that it is free to go, and what deleting promises is what the next cycle lists.
. "$(dirname "$CLI_LIB")/git_lib.sh"
manifest() { # FILE ENTRIES
    printf '{"version":1,"storagePolicy":"wandb-storage-policy-v1","storagePolicyConfig":%s,"contents":{%s}}' \
        '{"storageLayout":"V2"}' "$2" >"$1"
}
# a list of COUNT files; the 5,000th, which is in the second batch, has SIZE bytes
many() { # COUNT SIZE
    awk -v count="$1" -v size="$2" 'BEGIN {
        for (i = 0; i < count; i++)
            printf "f%05d\t%032x\t%d\n", i, i + 1, i == 4999 ? size : i
    }'
}
free() {
    cull gc --list - >listed 2>summary
    echo "listed: $(wc -l <listed)"
    sed 's/,.*: delete.*//' summary
}
cull init --objects none --digest md5 --grace 0 --lease 1s >/dev/null
printf 'last\t%032x\t7\n' 5000 >first
printf 'gone\t%032x\t300\n' 99999 >>first
cull import list e/p/base first >/dev/null
printf 'last\t%032x\t7\n' 5000 >second
cull import list e/p/base second >/dev/null

echo "# refused in the second batch"
many 5000 8 >refused
cull import list e/p/list refused
echo "exit $?"
free
echo "# refused as it is committed"
mkdir some
manifest some/v0.json '"a":{"digest":"sZRqySSS0jR8YjW00mERhA==","size":6}'
manifest some/v1.json '"a":{"digest":"sZRqySSS0jR8YjW00mERhA==","size":6},"b":{"digest":"4shl20Fivtljv6qe9qwY8A==","size":256},"r":{"digest":"x","ref":"wandb-artifact://51584a30615759/x","size":6}'
cull import wandb e/p/wandb some
echo "exit $?"
free
echo "# killed, and its lease is over"
many 90000 7 >killed
for seconds in 0.03 0.06 0.1; do
    timeout -s KILL $seconds cull --as tester import list "e/p/killed$seconds" killed >/dev/null 2>&1
done
sleep 1.1
free
echo "# what deleting promises, a cycle lists"
cull delete e/p/base:v0 --bytes
free
run cull gc --list -
cull gc --confirm listed
cull fsck >/dev/null && echo whole
cull stat --json >stat
grep -o '"blobs_expected":[0-9]*,"blobs_deleting":[0-9]*,"blobs_dead":[0-9]*' stat

echo "# a history whose last commit needs what is listed"
cull --store git init --objects none --digest sha1 --grace 0 >/dev/null
CULL_STORE=$PWD/git
git init -q -b main repo
commit() { # FILE TEXT
    echo "$2" >"repo/$1"
    git -C repo add .
    git -C repo -c user.name=a -c user.email=a@example.org commit -q -m "$2"
}
commit a one
commit a two
cull import git e/p/h repo >/dev/null
cull delete e/p/h:v0 >/dev/null
free
commit b new
commit c newer
commit a one
commit d last
cull import git e/p/h repo >/dev/null 2>&1
echo "exit $?"
cull ls e/p/h
free
cull gc --release listed
free
cull fsck >/dev/null && echo whole
