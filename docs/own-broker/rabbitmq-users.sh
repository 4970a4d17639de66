#!/bin/sh
# The users of RabbitMQ: the name is project/user, the password is API key/user password.
# In topic permissions, which are regular expressions, the / of a topic is a dot.
set -e

rabbitmqctl add_user 'demo-project/demo-user' 'DEMO0KEY/demo/password'
rabbitmqctl set_permissions 'demo-project/demo-user' '.*' '.*' '.*'
rabbitmqctl set_topic_permissions 'demo-project/demo-user' amq.topic \
  '^0\.demo-project\.demo-user\.' '^(1\.demo-project\.demo-user|2\.demo-project)\.'

rabbitmqctl add_user 'cloud' 'reads-and-writes'
rabbitmqctl set_permissions 'cloud' '.*' '.*' '.*'
rabbitmqctl set_topic_permissions 'cloud' amq.topic '^[12]\.' '^0\.'
