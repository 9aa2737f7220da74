# Help, the man page and the program say the same: commands, flags of each, exit codes.
man=$(dirname "$CLI_LIB")/../../core/man/cull.1

# What the program has: its commands, and each one's flags, by its own help.
cull help | sed -n 's/^  \([a-z][a-z]*\)  *[A-Z].*/\1/p' | grep -v '^help$' | sort >commands
wc -l <commands | xargs echo commands over 20: | awk '{ print $1, $2, $3, ($4 > 20) }'
: >flags.help
while read -r command; do
    cull help "$command" >help.out
    sed -n 's/^  \(-., \|    \)--\([a-z][a-z-]*\).*/\2/p' help.out >>flags.help
    # Nothing in it is wider than a terminal.
    awk -v name="$command" 'length > 80 { print name ": too wide: " $0 }' help.out
    # Every flag that stands in help is one that the program takes: it is never unknown.
    for flag in $(sed -n 's/^  \(-., \|    \)--\([a-z][a-z-]*\).*/\2/p' help.out); do
        cull "$command" --help "--$flag" 2>&1 | grep "no such option" && echo "$command --$flag"
    done
    # And so is every exit code it names one of the man page's.
    sed -n '/^exit: /,$p' help.out | grep -o '\(^exit: \|  *\)[0-9][0-9]*\(,\| \)' |
        tr -cd '0-9\n' >>exits.all
    cull help "$command" | grep -q "^exit: 0 " || echo "$command: no exit codes"
done <commands
sort -u flags.help >flags

# What the page has: each command by its item, flags wherever they stand.
sed -n 's/^\.It Ic \([a-z]*\).*/\1/p; s/^\.Ic \([a-z]*\) Ar .*/\1/p' "$man" | sort -u >commands.man
echo "commands without an item in the man page:"
comm -23 commands commands.man
grep -v '^\.Xr' "$man" | grep -o 'Fl -[a-z][a-z-]*\(, Fl -[a-z-]*\| | -[a-z-]*\)*' | grep -o ' -[a-z][a-z-]*' |
    sed 's/^ -//' | grep -v '^.$' | sort -u >flags.man
echo "flags that only help has:"
comm -23 flags flags.man
echo "flags that only the man page has:"
comm -13 flags flags.man

echo "exit codes that only help has:"
sed -n '/^\.Sh EXIT STATUS/,/^\.El/p' "$man" | sed -n 's/^\.It //p' | tr -d ' ' | tr ',' '\n' |
    sort -u >exits.man
sort -u exits.all >exits
comm -23 exits exits.man
echo "exit codes that only the man page has:"
comm -13 exits exits.man
wc -l <exits | tr -d ' '

# They are what the program gives.
cull init >/dev/null
run cull put
run cull ls nobody
run cull gc --store nowhere
bytes 10 src/cat
cull put team/vision/pets src >/dev/null
run cull delete team/vision/pets:v0
run cull delete team/vision/pets:v7
