# Tags that moved since they were imported: each is told, its files become a version with the alias,
# and `latest` stays where it was; also of tags that share their files, and there and back again.
. "$(dirname "$CLI_LIB")/git_lib.sh"
git init -q --bare -b main r.git
{
    numbered_commits 5
    printf 'reset refs/tags/t1\nfrom :1\n\nreset refs/tags/t2\nfrom :2\n\n'
    printf 'reset refs/tags/t2-too\nfrom :2\n\nreset refs/tags/t3\nfrom :3\n\n'
} | git -C r.git fast-import --quiet
move() { git -C r.git tag -f "$@" >/dev/null; }
import() {
    run cull import git e/p/t r.git --tags 't*'
    run cull alias ls e/p/t
}
cull init >/dev/null
import
move t1 main~1 # younger than all others now
import
import
move t3 main # the newest
move t2-too main
import
import
move t1 main~4 # back, and back to what a version has
import
import
move t3 main~3 # what another tag has
git -C r.git tag t9 main~2
import
import
json ok import git e/p/j r.git --tags 't*'
move t2 main
json ok import git e/p/j r.git --tags 't*' >records
grep '"moved"' records
# of a tag whose version is gone nothing is known
run cull delete --collection e/p/j --delete-aliases
move t1 main
run cull import git e/p/j r.git --tags 't*'
