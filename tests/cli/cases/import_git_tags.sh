# A version for each tag: order, aliases, tags of something else, submodules, paths that are not
# UTF-8.
. "$(dirname "$CLI_LIB")/git_lib.sh"
git init -q --bare -b main r.git
{
    n=1500000000
    for i in 1 2 3; do
        n=$((n + 60))
        printf 'commit refs/heads/main\nmark :%d\ncommitter A <a@example.org> %d +0000\ndata 0\n' $i $n
        [ $i = 1 ] || printf 'from :%d\n' $((i - 1))
        printf 'M 100644 inline f\ndata 2\n%d\n' $i
        printf 'M 160000 %040d vendor/lib\n' $i
    done
    printf 'reset refs/tags/v10.0\nfrom :2\n\nreset refs/tags/v2.0\nfrom :2\n\n'
    printf 'reset refs/tags/v1.0\nfrom :1\n\nreset refs/tags/v3\nfrom :3\n\n'
    printf 'tag rel/3\nfrom :3\ntagger A <a@example.org> 1500000999 +0000\ndata 0\n'
    printf 'tag q"uote\nfrom :3\ntagger A <a@example.org> 1500001000 +0000\ndata 0\n'
} | git -C r.git fast-import --quiet
git -C r.git tag none "$(git -C r.git rev-parse main:f)"
cull init >/dev/null
run cull import git e/p/tags r.git --tags 'v*'
run cull alias ls e/p/tags
run cull ls e/p/tags
run cull import git e/p/all r.git --tags '*'
run cull alias ls e/p/all
run cull show e/p/all:v2
run cull import git e/p/all r.git --tags '*'
run cull import git e/p/none r.git --tags 'x*'
run cull import git e/p/none r.git --tags 'v*' --rev main
run cull import git e/p/main r.git
json ok import git e/p/json r.git
# a file where the submodule was, and back; and a name in Latin-1
{
    printf 'commit refs/heads/main\nmark :1\ncommitter A <a@example.org> 1500002000 +0000\ndata 0\n'
    printf 'from refs/heads/main^0\nM 100644 inline vendor/lib\ndata 2\nx\n'
    printf 'M 100644 inline "caf\\351"\ndata 2\ny\n\n'
    printf 'commit refs/heads/main\nmark :2\ncommitter A <a@example.org> 1500003000 +0000\ndata 0\n'
    printf 'from :1\nM 160000 %040d vendor/lib\nD "caf\\351"\n\n' 9
} | git -C r.git fast-import --quiet
run cull import git e/p/main r.git
run cull ls e/p/main:v3
run cull ls e/p/main:latest
run cull ls e/p/main
