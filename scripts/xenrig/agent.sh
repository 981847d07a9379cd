#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# agent.sh PORT [SPEED]: runs commands for the host, which come through domain 0's second serial port or a guest's
# console. A line "ID COMMAND" starts COMMAND in a shell, in the background; what it writes comes back as lines
# "ID text", its end as "ID exit STATUS" behind an at sign. "stop" ends the agent.
#
# One process alone writes to the port, from a pipe into which each line goes in one piece: the port's driver takes a
# long line in several, between which another command's line could come. And it is bash that reads: busybox's read
# forgets what it has of a line when one of its children ends meanwhile.
port=$1
stty -F "$port" raw -echo $2
mkfifo /run/agent
exec 3<> /run/agent
cat /run/agent > $port &
run() {
    { bash -c "$2" 2>&1; echo "@exit $?"; } 3>&- | while IFS= read -r line; do
        printf '%s %s\n' "$1" "$line"
    done >&3
}
echo "0 @ready" >&3
while IFS= read -r line; do
    case "$line" in
    stop) break ;;
    *) id=${line%% *}
       run "$id" "${line#* }" < /dev/null & ;;
    esac
done < $port
