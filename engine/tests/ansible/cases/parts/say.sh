#!/bin/sh
for word; do echo "<$word>"; done
[ "$1" != fail ] || exit 3
