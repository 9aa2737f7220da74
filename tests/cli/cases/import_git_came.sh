# A tag that came where another went: as many as before, and none is passed over.
. "$(dirname "$CLI_LIB")/git_lib.sh"
git init -q --bare -b main r.git
{
    numbered_commits 5
    for i in 2 3 4; do
        printf 'reset refs/tags/r%d\nfrom :%d\n\n' $i $i
    done
} | git -C r.git fast-import --quiet
import() {
    run cull import git e/p/t r.git --tags 'r*'
    run cull alias ls e/p/t
}
cull init >/dev/null
import
git -C r.git tag -d r2 >/dev/null
git -C r.git tag r1 main~4
import
import # nothing is left
git -C r.git tag r5 main
import
# of a tag whose version is gone for good nothing is known: it does not come back
run cull delete e/p/t:r3 --delete-aliases
run cull gc --allow-shorter-grace 0 --allow-large-plan
import
