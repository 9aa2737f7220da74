# Figures of the store; sizes of files and memory differ from machine to machine.
a_store
cull delete team/vision/pets:v0 >/dev/null
cull stat | grep -v ' bytes ' | grep -v '^seq'
cull gc >/dev/null
cull stat | grep -v ' bytes ' | grep -v '^seq'
cull stat --memory | sed -n 's/^\(memory [a-z]*\).*/\1/p'
cull --json stat --memory >json.out
json_check ok <json.out | sed 's/\("[a-z]*_bytes":\|"memory_[a-z]*":\)[0-9]*/\1<number>/g'
