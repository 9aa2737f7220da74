# Rules 27 and 28: roles in rising order, the highest in force; each refusal says which it takes.
a_store
run cull role ls
run cull --as ann put team/vision/pets src # nobody has a role yet: everybody is a member
run cull --as ann role grant ann admin team
run cull role grant ann member team
run cull role grant bob restricted-viewer team
run cull role grant cyd viewer team
run cull role ls
json ok role ls team
run cull role ls other
run cull --as bob ls
run cull --as bob get team/vision/pets out
run cull --as bob export team/vision/pets
run cull --as cyd get team/vision/pets out
run cull --as cyd delete team/vision/pets:v0
run cull --as cyd alias set team/vision/pets:v0 best
run cull --as cyd tag add team/vision/pets:v0 t
run cull --as cyd put team/vision/pets src
run cull --as cyd gc
run cull --as cyd delete --collection team/vision/pets
run cull --as dan get team/vision/pets other
run cull --as ann alias set team/vision/pets:v0 best
run cull --as ann put other/vision/pets src
run cull --as ann role grant ann administrator team
run cull role grant ann administrator team
run cull --as ann role revoke cyd team
run cull --as ann role revoke cyd team
run cull --as ann role grant cyd boss team
run cull role grant eve viewer team/models
run cull role grant eve
run cull role give eve
run cull --as ann gc
run cull --as cyd restore team/vision/pets:v0
run cull ls
run cull fsck
