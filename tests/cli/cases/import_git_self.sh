# The project's own history, if it is at hand: after deleting every second version, the blobs left
# are those of the commits kept.
. "$(dirname "$CLI_LIB")/git_lib.sh"
unset GIT_CEILING_DIRECTORIES
repo=$(dirname "$CLI_LIB")/../..
git -C "$repo" rev-parse --verify -q HEAD >/dev/null 2>&1 || skip "not in a repository"
[ "$(git -C "$repo" rev-parse --is-shallow-repository)" = false ] || skip "a shallow repository"
[ -z "$(git -C "$repo" rev-parse --show-prefix)" ] || skip "not the top of a repository"
head=$(git -C "$repo" rev-parse HEAD)
git -C "$repo" rev-list --first-parent "$head" >commits
blobs_of "$repo" <commits >all
cull --store index init --objects none --digest sha1 --grace 0 >/dev/null
cull --store index import git e/p/self "$repo" --rev "$head" --json >records
wc -l <commits >want
commits_of records | wc -l | diff want - && echo "a record for each commit"
commits_of records | awk '$1 % 2 == 0 && !seen[$1]++ { print $2 }' | blobs_of "$repo" >kept
cull --store index delete --collection e/p/self --keep-every 2 --delete-aliases >/dev/null
cull --store index gc --dry-run --json >plan
sed -n 's/.*"type":"blob","digest":"\([0-9a-f]*\)".*/\1/p' plan | sort >gone
comm -23 all gone >left
run cmp kept left
# with content: as many objects and bytes
cull init --grace 0 >/dev/null
cull import git e/p/self "$repo" --rev "$head" >/dev/null
cull delete --collection e/p/self --keep-every 2 --delete-aliases >/dev/null
cull gc >/dev/null
git -C "$repo" cat-file --batch-check='%(objectsize)' <kept |
    awk '{ bytes += $1 } END { print NR, bytes }' >want
find store/objects -type f -exec wc -c {} \; | awk '{ bytes += $1 } END { print NR, bytes }' |
    diff want - && echo "the same number of blobs and bytes"
cull fsck --read-data >/dev/null && echo "whole"
