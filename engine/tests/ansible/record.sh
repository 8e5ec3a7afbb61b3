#!/bin/sh
# record.sh [NAME…]: has Ansible run these cases, or all, and writes down what came of them.
# Needs ansible-core 2.19 on the PATH, and a Python for its modules. What differs on purpose is marked by hand afterwards, see main.rs.
set -eu
cd "$(dirname "$0")/cases"
[ $# -gt 0 ] || set -- *.yml
for case; do
    name=${case%.yml}
    TOLD=$(mktemp -d)
    export TOLD
    arguments=$(sed -n '1s/^# arguments: //p' "$name.yml")
    status=0
    # shellcheck disable=SC2086 # They are several.
    ANSIBLE_CALLBACK_PLUGINS=.. ANSIBLE_STDOUT_CALLBACK=told ansible-playbook -f 1 -i hosts.ini \
        -e "ansible_python_interpreter=$(command -v python3)" $arguments "$name.yml" >"$name.txt" || status=$?
    echo "exit $status" >>"$name.txt"
    rm -r "$TOLD"
done
