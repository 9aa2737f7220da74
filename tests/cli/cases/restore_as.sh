# A collection whose name was taken meanwhile comes back under another.
a_store
cull delete --collection team/vision/pets >/dev/null
rm src/dog
cull put team/vision/pets src >/dev/null
cull delete team/vision/pets:v0 --delete-aliases >/dev/null
cull delete --collection team/vision/pets >/dev/null
bytes 5 src/dog
cull put team/vision/pets src --type model >/dev/null
run cull ls --all
run cull trash
run cull restore team/vision/pets:v1
run cull restore team/vision/pets:v1 --as 'pets again'
run cull restore team/vision/pets:v1 --as pets-again
run cull restore team/vision/pets:v0
run cull restore team/vision/pets:v0 --as pets-again
run cull restore team/vision/pets:v0 --as pets-third
run cull --as ann restore team/vision/pets-again:v0
run cull ls --all
