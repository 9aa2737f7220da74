# The flags that select versions mean the same to ls, delete, restore and du.
cull init --grace 1h >/dev/null
for i in 0 1 2 3 4 5; do
    bytes "$((i + 1))000" src/file
    cull put team/vision/pets src --run "r$((i % 2))" >/dev/null
done
cull alias set team/vision/pets:v1 best
cull tag add team/vision/pets:v2 good
bytes 100 src/file
cull put team/vision/cats src --type model >/dev/null
cull put team/other/pets src >/dev/null

run cull ls --no-alias --keep-last 1
run cull ls team/vision --keep-every 2 --keep-alias best
run cull ls --collection team/vision/pets --run team/vision/r1 --bytes
run cull ls --tag good
run cull ls --type model
run cull ls --name 'p*' --no-run
run cull ls --older-than 1d
run cull du --no-alias
run cull du team/vision --type model
run cull du --run team/vision/r0
run cull delete --run team/vision/r0 --no-alias --dry-run
run cull delete --run team/vision/r0 --no-alias
run cull restore --collection team/vision/pets --keep-every 4 --dry-run
run cull restore --collection team/vision/pets --keep-every 4
json ok restore --name 'pe*'
run cull restore --name 'pe*'

# Empty collections.
run cull delete team/vision/cats:v0 --delete-aliases
run cull ls --empty
run cull du --empty
run cull restore --empty
run cull ls --empty

# Pages go on behind what is gone.
run cull ls team/vision --limit 3 --json
run cull delete team/vision/pets:v1 --delete-aliases
run cull ls --name '*' --project vision --entity team --limit 2 --after team/vision/pets:v1
run cull ls team/vision --limit 9 --after team/vision/pets:v4

run cull restore
run cull restore team/vision/pets:v1 --empty
run cull restore --empty --as x
run cull restore team/vision/pets:v1 --dry-run
run cull ls team --collection team/vision/pets
run cull ls --limit 1 --after team/vision/pets:best
run cull du team/vision/pets:v0 --no-alias
