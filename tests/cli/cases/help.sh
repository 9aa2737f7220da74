# Help goes to stdout, stays within 80 columns, and is there for every command.
run cull --version
run cull help
for command in init put import export get ls show alias tag run delete restore trash gc why du fsck stat; do
    cull help $command >help.txt || echo "help $command: exit $?"
    cull $command --help >again.txt || echo "$command --help: exit $?"
    cmp help.txt again.txt
    cull -h $command >again.txt || echo "-h $command: exit $?"
    cmp help.txt again.txt
    awk -v name=$command 'length($0) > 79 { print name ": too wide: " $0 }' help.txt
    grep -q '^usage: cull '$command help.txt || echo "$command: no usage line"
    grep -q '^exit: ' help.txt || echo "$command: no exit codes"
done
run cull help gc
