# A repository that names its objects by SHA-256: in an index-only store of sha256 by its ids, in any
# other by content; again, by tags, and a tag that moved; collected, what git ls-tree lists is left.
. "$(dirname "$CLI_LIB")/git_lib.sh"
git init -q --bare --object-format=sha256 -b main r.git 2>/dev/null || skip "git knows no sha256"
{
    for i in 1 2 3 4; do
        printf 'commit refs/heads/main\nmark :%d\ncommitter A <a@example.org> %d +0000\ndata 0\n' $i $((1500000000 + i * 60))
        [ $i = 1 ] || printf 'from :%d\n' $((i - 1))
        printf 'M 100644 inline f\ndata 2\n%d\nM 100644 inline g%d\ndata 2\n%d\n\n' $i $i $i
    done
    printf 'reset refs/tags/t1\nfrom :1\n\nreset refs/tags/t3\nfrom :3\n\n'
} | git -C r.git fast-import --quiet
run cull init ids --objects none --grace 0
json ok --store ids import git e/p/c r.git >records
cat records
run cull --store ids import git e/p/c r.git
run cull --store ids show e/p/c:v0 --files
run cull --store ids export e/p/c:v3 exported
run cull --store ids delete --collection e/p/c --keep-every 2 --delete-aliases
run cull --store ids gc --list free --allow-large-plan
cull --store ids ls e/p/c --json | sed -n 's/.*"name":"[^"]*:v\([0-9]*\)".*"state":"committed".*/\1/p' >left
commits_of records | cut -d ' ' -f 2 | blobs_of r.git >all
commits_of records | awk 'NR == FNR { left[$1]; next } $1 in left { print $2 }' left - | blobs_of r.git >kept
comm -23 all kept >gone
sort free | cmp - gone && [ -s gone ] && [ -s kept ] && echo "what ls-tree lists no more is listed"
for digest in sha1 sha256; do
    run cull init $digest --digest $digest
    run cull --store $digest import git e/p/c r.git
    run cull --store $digest get e/p/c:v3 out.$digest
    cat out.$digest/f
done
run cull init sha1ids --objects none --digest sha1
run cull --store sha1ids import git e/p/c r.git
run cull --store sha1ids import git e/p/t r.git --tags 't*'
git -C r.git tag -f t1 main >/dev/null
run cull --store sha1ids import git e/p/t r.git --tags 't*'
run cull --store sha1ids alias ls e/p/t
