#!/bin/sh
# The users of mosquitto: the name is project/user, the password is API key/user password.
set -e
folder=${1:-/etc/mosquitto/m1}

mosquitto_passwd -c -b "$folder/passwords" 'demo-project/demo-user' 'DEMO0KEY/demo/password'
mosquitto_passwd -b "$folder/passwords" 'cloud' 'reads-and-writes'
