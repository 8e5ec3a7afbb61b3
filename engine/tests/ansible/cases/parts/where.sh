#!/bin/sh
pwd
echo "$GREETING"
