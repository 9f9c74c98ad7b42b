#!/bin/bash
# Networks of stacks as the compose file says: several, internal, external, static addresses, modes, ports, names.
. "$LIB"
cd "$scratch"
echo 0 > /proc/sys/net/ipv4/ip_forward   # as on a host that never ran containers

cat > echo.py <<'PY'
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", 99))
while True:
    data, peer = s.recvfrom(100)
    s.sendto(b"echo " + data, peer)
PY
fails() { ! "$@"; }
ask_udp() { exec 3<>"/dev/udp/$1/$2" && echo "$3" >&3 && timeout 2 head -n 1 <&3 2>/dev/null; }

leave() { for file in joins other nets; do timeout 20 "$BERTH" -f $file.yaml down -t 1 > /dev/null 2>&1; done; finish; }
trap leave EXIT

cat > nets.yaml <<YAML
name: nets
services:
  web:
    image: busybox
    container_name: webby
    command: sh -c "mkdir -p /www && echo webby > /www/index.html && exec httpd -f -p 80 -h /www"
    ports: ["8080:80", "127.0.0.1:8090-8095:80", "80"]
    networks:
      front: {aliases: [shop.example], priority: 1}
      back: {ipv4_address: 10.77.1.9}
  db:
    image: busybox
    command: sh -c "mkdir -p /www && echo db > /www/index.html && exec httpd -f -p 80 -h /www"
    networks: [back]
  many:
    image: busybox
    scale: 3
    command: sleep 1000
    networks: [front]
  client:
    image: busybox
    command: sleep 1000
    links: ["web:Shop"]
    dns_search: [corp.example]
    dns_opt: ["timeout:1"]
    dns: [127.0.0.99]
    extra_hosts: ["outside:host-gateway", "fixed:192.0.2.7"]
    networks: [front]
  beside:
    image: busybox
    command: sleep 1000
    network_mode: service:client
  lonely:
    image: busybox
    command: sleep 1000
    network_mode: none
  hosted:
    image: busybox
    command: sleep 1000
    network_mode: host
    extra_hosts: ["me:host-gateway"]
  udp:
    image: entrypoint-cmd-args
    entrypoint: [python3, /echo.py]
    volumes: ["./echo.py:/echo.py:ro"]
    ports: ["9000:99/udp"]
    networks: [front]
networks:
  front:
  back:
    internal: true
    ipam: {config: [{subnet: 10.77.0.0/16, ip_range: 10.77.5.0/24, gateway: 10.77.0.3}]}
YAML
stack="$BERTH -f nets.yaml"
in_client="$stack exec -T client"
check "up says that it turns forwarding on" contains "IPv4 forwarding was off" $stack up -d
check "forwarding is on" grep -q 1 /proc/sys/net/ipv4/ip_forward
check "a static address" contains "10.77.1.9/16" $stack exec -T web ip addr show eth1
check "the higher priority is eth0" contains "172." $stack exec -T web ip addr show eth0
check "addresses come from ip_range" contains "10.77.5." $stack exec -T db ip addr
check "one default route, by the network that leads out" contains "default via 172." $stack exec -T web ip route
check "an internal network has none" sh -c "! $stack exec -T db ip route | grep default"
check "service name" contains "webby" $in_client wget -qO- http://web/
check "container name" contains "webby" $in_client wget -qO- http://webby/
check "alias" contains "webby" $in_client wget -qO- http://shop.example/
check "link, in any case" contains "webby" $in_client wget -qO- http://shop/
check "a link is for its own service alone" fails $stack exec -T many timeout 3 wget -qO- http://shop/
check "all replicas answer" sh -c "[ \$($in_client nslookup many 127.0.0.11 | grep -c '^Address: 172') = 3 ]"
check "names of networks it is not in are unknown" fails $in_client timeout 3 wget -qO- http://db/
check "web reaches db" contains db $stack exec -T web wget -qO- http://db/
check "db reaches web by the internal network" contains webby $stack exec -T db timeout 3 wget -qO- http://web/
check "db does not reach the other network" fails $stack exec -T db timeout 3 wget -qO- "http://$($stack exec -T client ip -4 -o addr show eth0 | sed 's/.*inet \([0-9.]*\).*/\1/')/"
check "NXDOMAIN without a way out, not a long wait" contains "NXDOMAIN" $stack exec -T db nslookup example.org 127.0.0.11
check "SERVFAIL where no server answers" contains "SERVFAIL" $in_client nslookup example.org 127.0.0.11
check "NXDOMAIN for one label: a service that does not run" contains "NXDOMAIN" $in_client nslookup stopped. 127.0.0.11
check "search list and options" contains "search corp.example" $in_client cat /etc/resolv.conf
check "options" contains "options timeout:1 ndots:0" $in_client cat /etc/resolv.conf
check "host-gateway" contains "$($in_client ip route | sed -n 's/default via \([0-9.]*\).*/\1/p')	outside" $in_client cat /etc/hosts
check "extra host" contains "192.0.2.7	fixed" $in_client cat /etc/hosts
check "a joined network: the same addresses" contains "$($in_client ip -4 -o addr show eth0 | sed 's/.*inet \([0-9.]*\).*/\1/')" $stack exec -T beside ip addr
check "a joined network: names" contains webby $stack exec -T beside wget -qO- http://web/
check "network_mode none: lo alone" sh -c "[ \$($stack exec -T lonely ip -o link | wc -l) = 1 ]"
check "network_mode host: the bridges are seen" contains "br-" $stack exec -T hosted ip link
check "network_mode host: host-gateway is itself" contains "127.0.0.1	me" $stack exec -T hosted cat /etc/hosts
check "published" contains webby curl -s -m 2 http://127.0.0.1:8080/
check "published out of a range" contains webby curl -s -m 2 http://127.0.0.1:8090/
ephemeral=$($stack ps --format json web | grep -o '"PublishedPort":[0-9]*' | cut -d: -f2 | grep -v -e 8080 -e 8090 | head -n 1)
check "published at any port ($ephemeral)" contains webby curl -s -m 2 "http://127.0.0.1:${ephemeral:-1}/"
check "published UDP on 127.0.0.1" eventually contains "echo one" ask_udp 127.0.0.1 9000 one
check "published UDP on ::1" contains "echo two" ask_udp ::1 9000 two
front=$(ip -4 -o addr | sed -n 's/.*inet \(172[0-9.]*\)\/.*br-.*/\1/p' | head -n 1)
check "published UDP at an address of the host" contains "echo three" ask_udp "$front" 9000 three

nft flush ruleset
check "flushed rules come back" eventually sh -c "nft list tables | grep -q berth_ && curl -s -m 2 http://$front:8080/ | grep -q webby"
printf 'table ip filter {\n chain FORWARD { type filter hook forward priority 0; policy drop; }\n}\n' | nft -f -
check "a foreign FORWARD that drops is passed" eventually sh -c "nft list chain ip filter FORWARD | grep -q berth_"
check "and still names what it accepts" contains "accept" nft list chain ip filter FORWARD

cat > other.yaml <<YAML
name: other
services:
  web: {image: busybox, command: sleep 1000, ports: ["8080:80"]}
YAML
other="$BERTH -f other.yaml"
check "a taken port is refused" exits_with 1 $other up -d
check "it names the port and its owner" contains 'Bind for 0.0.0.0:8080 failed: port is already allocated (published by container `webby` of project `nets`)' $other up -d
check "and nothing was touched" sh -c "[ -z \"\$($other ps -aq)\" ] && [ \$(ip -o link show type bridge | wc -l) = 2 ]"
busybox httpd -f -p 127.0.0.1:8081 & host_web=$!
sed -i 's/8080:80/8081:80/' other.yaml
check "a program of the host is named" contains "pid $host_web" $other up -d
kill $host_web

cat > joins.yaml <<YAML
name: joins
services:
  guest: {image: busybox, command: sleep 1000, networks: [theirs]}
networks:
  theirs: {external: true, name: nets_front}
YAML
joins="$BERTH -f joins.yaml"
check "an external network is joined" $joins up -d
check "its names are known" eventually contains webby $joins exec -T guest timeout 3 wget -qO- http://web/
check "the guest's name is known there" eventually contains "172." $in_client nslookup guest 127.0.0.11
check "the guest goes" $joins down
check "its accepts in the foreign chain, too" sh -c "[ \$(nft list chain ip filter FORWARD | grep -c berth_) = 4 ]"
check "its name has gone" eventually sh -c "! $in_client nslookup guest 127.0.0.11 | grep -q '^Address: 172'"
check "a network that is not there is named" contains "nowhere" sh -c "sed -i s/nets_front/nowhere/ joins.yaml; $joins up -d"

check "a guest again" sh -c "sed -i s/nowhere/nets_front/ joins.yaml; $joins up -d"
check "a network that a guest is in is a warning" contains "active endpoints" $stack down
check "and stays" contains nets_front cat "$BERTH_ROOT/global/networks.json"
check "the guest goes, too" $joins down
check "a stack again, as before" $stack up -d
check "another address after a new container" $stack up -d --force-recreate web
check "the name leads there" contains webby $in_client timeout 3 wget -qO- http://web/
kill_supervisor() { kill -9 "$(pgrep -f -- "^$BERTH __supervisor $BERTH_ROOT $BERTH_RUN_ROOT nets\$")"; }
check "kill -9 of the supervisor" kill_supervisor
check "names and ports go on" eventually sh -c "$in_client timeout 3 wget -qO- http://web/ && curl -s -m 2 http://127.0.0.1:8080/ | grep -q webby"
check "UDP goes on" eventually contains "echo four" ask_udp 127.0.0.1 9000 four
check "down" $stack down
check "forwarding is off again" eventually grep -q 0 /proc/sys/net/ipv4/ip_forward
check "no rule of ours is left in the foreign chain" sh -c "! nft list ruleset | grep -q berth_"
nft delete table ip filter
check "nothing is left" eventually nothing_left nets
$other down > /dev/null 2>&1; $joins down > /dev/null 2>&1
check "nothing is left of the others" eventually nothing_left other
