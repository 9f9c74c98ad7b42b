#!/bin/bash
# A deploy script as people have it, written for docker on a Debian server: what it does not find it installs.

if ! type docker > /dev/null
then
    echo "docker does not exist"
    echo "start installing docker"
    sudo apt-get update
    sudo apt-get install -y ca-certificates curl gnupg
    sudo apt-get install -y docker.io
fi

if ! type docker-compose > /dev/null
then
    echo "docker-compose does not exist"
    echo "start installing docker-compose"
    sudo apt-get install -y docker-compose
    sudo chmod +x /usr/local/bin/docker-compose
fi

echo "start docker-compose up: production"
sudo docker-compose -f /home/deploy/front/docker-compose.prod.yml up --build -d
