# Every change has a record: time, actor, action, qualified name, digest; also when the log was cut, and
# for what is gone for good.
a_store
command cull --as ann alias set team/vision/pets:v0 best
command cull --as ann tag add team/vision/pets:v0 good
command cull --as bob delete team/vision/pets:v0 --delete-aliases >/dev/null
command cull --as bob restore team/vision/pets:v0 >/dev/null
command cull --as ann delete --collection team/vision/pets >/dev/null
command cull --as ann restore team/vision/pets:v1 --as animals >/dev/null
command cull --as gc gc >/dev/null
command cull --as tester policy set animals --keep-last 3 >/dev/null
run cull audit
run cull audit --actor bob
run cull audit team/vision/pets:v0
json ok audit --entity team vision/animals
run cull audit --since 1d --actor nobody
run cull audit team/vision/pets:latest
run cull audit team/vis
