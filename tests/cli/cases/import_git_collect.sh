# After deleting every second version and collecting, the blobs left are those of the commits kept:
# in an index-only store by git's ids, in a store of content by the content.
. "$(dirname "$CLI_LIB")/git_lib.sh"
a_history h.git 500
git -C h.git rev-list --first-parent main | blobs_of h.git >all

# kept_commits RECORDS: one commit of each version that stays, the even ones.
kept_commits() {
    commits_of "$1" | awk '$1 % 2 == 0 && !seen[$1]++ { print $2 }'
}

cull --store index init --objects none --digest sha1 --grace 0 >/dev/null
cull --store index import git e/p/h h.git --json >records
tail -n 1 records
kept_commits records | blobs_of h.git >kept
run cull --store index delete --collection e/p/h --keep-every 2 --delete-aliases >deleted
tail -n 1 deleted
cull --store index gc --dry-run --json >plan
sed -n 's/.*"type":"blob","digest":"\([0-9a-f]*\)".*/\1/p' plan | sort >gone
comm -23 all gone >left
run cmp kept left
comm -12 kept gone
[ -s gone ] && [ -s kept ] && echo "some are gone, some are kept"
# what is listed for deletion cannot be named before that is over
cull --store index gc --list free >/dev/null
sort free | cmp - gone
cp -r index other
cull --store index import git e/p/again h.git >again.out 2>again.err
echo "exit $?"
tail -n 1 again.err | sed 's/[0-9a-f]\{40\}/<id>/g'
sed -n 's/.*blob \([0-9a-f]*\) is listed.*/\1/p' again.err | sort | comm -23 - gone
run cull --store index gc --release free
run cull --store index import git e/p/again h.git >again.out
tail -n 1 again.out
run cull --store other gc --confirm free
run cull --store other fsck
run cull --store other import git e/p/again h.git >again.out
tail -n 1 again.out

cull init --grace 0 >/dev/null
cull import git e/p/h h.git --json >records.content
# the same versions of the same commits
commits_of records >versions
commits_of records.content | diff versions - && echo "the same versions"
cull delete --collection e/p/h --keep-every 2 --delete-aliases >/dev/null
cull gc --json >gc.out
contents_of h.git contents <kept
(cd contents && sha256sum ./*) | cut -c 1-64 | sort -u >want
find store/objects -type f | sed 's|.*/||' | sort >have
run cmp want have
run cull fsck --read-data >fsck.out
sed 's/[0-9][0-9,]*/N/g' fsck.out
# and each version that stays has its commit's files
kept_commits records | sed -n '100p' >one
read -r commit <one
version=$(awk -v commit="$commit" '$2 == commit { print $1 }' versions)
cull get "e/p/h:v$version" out >/dev/null
mkdir tree
git -C h.git archive "$commit" | tar -x -C tree -f -
rm out/link tree/link
run diff -r tree out
