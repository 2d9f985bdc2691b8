#!/bin/bash
# A real OpenStack control plane (2025.1) on one machine, loopback only:
# keystone, placement, glance, nova, neutron, cinder; MariaDB (unix socket),
# RabbitMQ.  Hypervisor, block store and L2/L3 agents are stand-ins.
#
#   up.sh install DIR   packages (apt: MariaDB, RabbitMQ; pip: a venv)
#   up.sh start DIR     installs and initialises where needed, then starts
#   up.sh stop DIR      ends the processes that start began, by pid
#   up.sh status DIR    one line a service; exit 0 only when all are up
#   up.sh restart DIR SERVICE | kill DIR SERVICE | run DIR SERVICE
#                       one service: restart / SIGKILL / start it again
#   up.sh reset DIR     stop, and put the database back as after the first start
#   up.sh wipe DIR      stop, and delete the state (keeps the venv)
#
# DIR holds everything (venv in DIR/venv unless OSLAB_VENV names another).
# Ports: OSLAB_PORT (21000) .. +9, all on 127.0.0.1.
# After start: export OS_CLIENT_CONFIG_FILE=DIR/clouds.yaml OS_CLOUD=oslab
set -euo pipefail

usage() { sed -n '2,21s/^# \{0,1\}//p' "$0"; exit 2; }
[ $# -ge 2 ] || usage
CMD=$1; DIR=$(mkdir -p "$2" && cd "$2" && pwd -P); SVC=${3:-}
BASE=${OSLAB_PORT:-$(cat "$DIR/port" 2>/dev/null || echo 21000)}
VENV=${OSLAB_VENV:-$(cat "$DIR/venv.path" 2>/dev/null || echo "$DIR/venv")}
PW=oslab                       # loopback only: no secret
NOVA_DRIVER=${OSLAB_NOVA_DRIVER:-oslab.LabDriver}
CINDER_DRIVER=${OSLAB_CINDER_DRIVER:-oslab.cinder_volume.LabDriver}
KEYSTONE=$BASE PLACEMENT=$((BASE+1)) GLANCE=$((BASE+2)) NOVA=$((BASE+3))
NEUTRON=$((BASE+4)) CINDER=$((BASE+5)) RABBIT=$((BASE+6))
RABBIT_DIST=$((BASE+7)) EPMD=$((BASE+8))
SOCK=$DIR/mysql.sock
export OSLAB_DIR=$DIR LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE= PYTHONWARNINGS=ignore
export OS_CLIENT_CONFIG_FILE=$DIR/clouds.yaml
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy ALL_PROXY
export no_proxy=127.0.0.1,localhost
B=$VENV/bin

SERVICES="mariadb epmd rabbit keystone placement glance nova-conductor
nova-scheduler nova-compute nova-api neutron cinder-scheduler cinder-volume
cinder-api"

say() { echo "[$(date +%T)] $*"; }
die() { echo "up.sh: $*" >&2; exit 1; }

# ---------------------------------------------------------------- processes
# Each service is a session of its own; its pid (= process group) is in
# DIR/run/NAME.pid, with its start time, so that a pid used again by another
# program is never signalled.
started() { awk '{sub(/^.*\) /,""); print $20}' "/proc/$1/stat" 2>/dev/null; }

pid_of() {   # prints the pid of a live service, or fails
    local pid t
    { read -r pid t < "$DIR/run/$1.pid"; } 2>/dev/null || return 1
    [ "$(started "$pid")" = "$t" ] && echo "$pid"
}

spawn() {    # spawn NAME COMMAND...
    local name=$1; shift
    if pid_of "$name" >/dev/null; then return 0; fi
    mkdir -p "$DIR/run" "$DIR/log"
    setsid nohup "$@" >>"$DIR/log/$name.log" 2>&1 </dev/null 8>&- 9>&- &
    local pid=$!
    echo "$pid $(started "$pid")" > "$DIR/run/$name.pid"
}

group_alive() {   # a live, non-zombie process is left in session $1
    ps -o stat= --sid "$1" 2>/dev/null | grep -qv '^Z'
}

end() {      # end NAME SIGNAL
    local pid
    pid=$(pid_of "$1") || { rm -f "$DIR/run/$1.pid"; return 0; }
    if [ "$1" = cinder-volume ] || [ "$2" = KILL ]; then kill "-$2" -- "-$pid" 2>/dev/null || true
    else kill "-$2" "$pid" 2>/dev/null || true; fi
    local i
    for ((i = 0; i < ${3:-100}; i++)); do
        group_alive "$pid" || break
        sleep 0.1
    done
    if group_alive "$pid"; then kill -KILL -- "-$pid" 2>/dev/null || true; fi
    rm -f "$DIR/run/$1.pid"
}

begin() {
    case $1 in
    mariadb) spawn mariadb mariadbd --no-defaults --user=root \
        --datadir="$DIR/mysql" --socket="$SOCK" --pid-file="$DIR/run/mariadbd.pid" \
        --skip-networking --skip-log-bin --performance-schema=OFF \
        --innodb-buffer-pool-size=192M --innodb-flush-log-at-trx-commit=0 \
        --innodb-doublewrite=0 --innodb-log-file-size=48M --max-connections=400 \
        --character-set-server=utf8mb3 --collation-server=utf8mb3_general_ci \
        --tmpdir="$DIR/tmp" ;;
    epmd) spawn epmd epmd -address 127.0.0.1 -port $EPMD ;;
    rabbit)
        local sbin; sbin=$(echo /usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin)
        HOME=$DIR/rabbit ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT=$EPMD \
        RABBITMQ_NODENAME=oslab$BASE@localhost RABBITMQ_DIST_PORT=$RABBIT_DIST \
        RABBITMQ_CONF_ENV_FILE=/dev/null RABBITMQ_CONFIG_FILE=$DIR/rabbit/rabbitmq.conf \
        RABBITMQ_ADVANCED_CONFIG_FILE=$DIR/rabbit/advanced.config \
        RABBITMQ_ENABLED_PLUGINS_FILE=$DIR/rabbit/enabled_plugins \
        RABBITMQ_MNESIA_BASE=$DIR/rabbit/mnesia RABBITMQ_LOG_BASE=$DIR/rabbit/log \
        RABBITMQ_PID_FILE=$DIR/rabbit/pid \
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="+S 2:2 +A 32 +sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}" \
        spawn rabbit "$sbin/rabbitmq-server" ;;
    keystone) OS_KEYSTONE_CONFIG_FILES=$DIR/etc/keystone.conf OS_KEYSTONE_CONFIG_DIR=$DIR/etc \
        spawn keystone "$B/python" -m oslab.serve keystone.wsgi.api $KEYSTONE 6 ;;
    placement) OS_PLACEMENT_CONFIG_DIR=$DIR/etc \
        spawn placement "$B/python" -m oslab.serve placement.wsgi.api $PLACEMENT 4 ;;
    glance) spawn glance "$B/glance-api" --config-file "$DIR/etc/glance.conf" ;;
    nova-api) spawn nova-api "$B/nova-api-os-compute" --config-file "$DIR/etc/nova.conf" ;;
    nova-*) spawn "$1" "$B/$1" --config-file "$DIR/etc/nova.conf" ;;
    neutron) spawn neutron "$B/neutron-server" --config-file "$DIR/etc/neutron.conf" ;;
    cinder-*) spawn "$1" "$B/$1" --config-file "$DIR/etc/cinder.conf" ;;
    *) die "no service '$1'; one of: $(echo $SERVICES)" ;;
    esac
}

http_ok() { # any HTTP answer below 500
    local code
    code=$(curl -s -o /dev/null -m 5 -w '%{http_code}' "http://127.0.0.1:$1/" || true)
    [ "${code:-000}" -ge 200 ] && [ "$code" -lt 500 ]
}

wait_for() { # wait_for NAME SECONDS CHECK...
    local name=$1 n=$2 i; shift 2
    for ((i = 0; i < n * 5; i++)); do
        if "$@" >/dev/null 2>&1; then return 0; fi
        pid_of "$name" >/dev/null || { tail -30 "$DIR/log/$name.log" >&2; die "$name ended by itself"; }
        sleep 0.2
    done
    tail -30 "$DIR/log/$name.log" >&2
    die "$name not up after $n s"
}

sql() { mariadb --no-defaults -N -S "$SOCK" -u root "$@"; }
port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# ------------------------------------------------------------------ install
apt_packages="mariadb-server-core mariadb-client-core rabbitmq-server qemu-utils python3-venv curl procps"
install() {
    local need="" p
    for p in $apt_packages; do
        dpkg-query -W -f '${db:Status-Abbrev}' "$p" 2>/dev/null | grep -q ^ii || need="$need $p"
    done
    if [ -n "$need" ]; then
        say "apt:$need"
        # packages must not start their daemons
        local made=
        if [ ! -e /usr/sbin/policy-rc.d ]; then
            printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
            chmod 755 /usr/sbin/policy-rc.d; made=1
        fi
        apt-cache policy mariadb-server-core | grep -q 'Candidate: [0-9]' || apt-get update -q
        local rc=0
        DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $need \
            >"$DIR/log/apt.log" 2>&1 ||
        { apt-get update -q >>"$DIR/log/apt.log" 2>&1
          DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $need \
            >>"$DIR/log/apt.log" 2>&1 || rc=$?; }
        [ -z "$made" ] || rm -f /usr/sbin/policy-rc.d
        [ $rc = 0 ] || { tail -20 "$DIR/log/apt.log" >&2; die "apt-get failed"; }
    fi
    # several DIRs may share one venv: made and written to by one of them at a time
    mkdir -p "$VENV"; exec 8>"$VENV/.lock"; flock -w 900 8 || die "another up.sh holds $VENV"
    local sum; sum=$(lock | sha256sum)
    if [ "$(cat "$VENV/.oslab-lock" 2>/dev/null)" != "$sum" ]; then
        say "pip: venv in $VENV"
        "${OSLAB_PYTHON:-python3.11}" -m venv "$VENV"
        lock > "$DIR/tmp/requirements.lock"
        "$B/pip" install -q --disable-pip-version-check --no-deps \
            -r "$DIR/tmp/requirements.lock" >"$DIR/log/pip.log" 2>&1 ||
            { tail -20 "$DIR/log/pip.log" >&2; die "pip failed"; }
        touch "$B/.disable"          # stevedore: no cache of entry points in ~
        echo "$sum" > "$VENV/.oslab-lock"
    fi
    plugins
    exec 8>&-
    echo "$VENV" > "$DIR/venv.path"
}

put() { # put FILE: what it reads, where it is not that already; a running service sees no half of it
    local new; new=$(mktemp "$1.XXXXXX"); cat > "$new"; chmod 644 "$new"
    if cmp -s "$new" "$1"; then rm "$new"; else mv "$new" "$1"; fi
}

plugins() { # the stand-ins, as a package with entry points
    local sp; sp=$("$B/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    mkdir -p "$sp/oslab" "$sp/oslab-1.0.dist-info"
    file_init | put "$sp/oslab/__init__.py"
    file_serve | put "$sp/oslab/serve.py"
    file_nova | put "$sp/oslab/nova_virt.py"
    file_cinder | put "$sp/oslab/cinder_volume.py"
    file_neutron | put "$sp/oslab/neutron_lab.py"
    # oslo.messaging polls for a reply every 0.5 s (lp-2035113), which makes an
    # attach take 5 s; OSLAB_RPC_POLL=0.5 keeps that
    local amqp=$sp/oslo_messaging/_drivers/amqpdriver.py
    sed "/lp-2035113/,/time.sleep/s/time.sleep([0-9.]*)/time.sleep(${OSLAB_RPC_POLL:-0.02})/" \
        "$amqp" | put "$amqp"
    # nova takes drivers from its own package only
    echo 'from oslab.nova_virt import LabDriver  # noqa' | put "$sp/nova/virt/oslab.py"
    printf 'Metadata-Version: 2.1\nName: oslab\nVersion: 1.0\n' | put "$sp/oslab-1.0.dist-info/METADATA"
    printf '[neutron.ml2.mechanism_drivers]\noslab = oslab.neutron_lab:LabMechanismDriver\n' |
        put "$sp/oslab-1.0.dist-info/entry_points.txt"
}

# ---------------------------------------------------------------- configure
db() { echo "mysql+pymysql://oslab:$PW@localhost/$1?unix_socket=$SOCK&charset=utf8"; }

authtoken() { cat <<EOF
[keystone_authtoken]
www_authenticate_uri = http://127.0.0.1:$KEYSTONE
$(auth "$1")
service_token_roles = service
service_token_roles_required = true
service_type = $2
EOF
}

auth() { cat <<EOF
auth_url = http://127.0.0.1:$KEYSTONE/v3
auth_type = password
username = $1
password = $PW
project_name = service
user_domain_id = default
project_domain_id = default
region_name = LAB
EOF
}

rabbit_conf() { cat <<EOF
[oslo_messaging_rabbit]
rabbit_qos_prefetch_count = 10
kombu_reconnect_delay = 1
rabbit_retry_interval = 1
rabbit_retry_backoff = 1
heartbeat_timeout_threshold = 20
[oslo_messaging_notifications]
driver = noop
EOF
}

configure() {
    local e=$DIR/etc v=$VENV/etc
    mkdir -p "$e" "$DIR"/{log,run,tmp,lock,images,images-staging,images-tasks,volumes,guests,faults,hooks,nova,neutron,cinder,rabbit,keystone}
    chmod 700 "$DIR/rabbit"
    [ -s "$DIR/rabbit/.erlang.cookie" ] || { echo oslabcookie > "$DIR/rabbit/.erlang.cookie"; chmod 400 "$DIR/rabbit/.erlang.cookie"; }
    cat > "$DIR/rabbit/rabbitmq.conf" <<EOF
listeners.tcp.local = 127.0.0.1:$RABBIT
num_acceptors.tcp = 2
vm_memory_high_watermark.absolute = 512MB
disk_free_limit.absolute = 50MB
log.file.level = warning
EOF
    echo '[].' > "$DIR/rabbit/enabled_plugins"
    echo '[].' > "$DIR/rabbit/advanced.config"
    local common="transport_url = rabbit://guest:guest@127.0.0.1:$RABBIT/
use_stderr = true
report_interval = 3
rpc_response_timeout = ${OSLAB_RPC_TIMEOUT:-30}
default_log_levels = amqp=WARN,sqlalchemy=WARN,oslo.messaging=WARN,urllib3=WARN,stevedore=WARN,keystonemiddleware=WARN,oslo_service=WARN"

    cat > "$e/keystone.conf" <<EOF
[DEFAULT]
use_stderr = true
[database]
connection = $(db keystone)
[token]
provider = fernet
[fernet_tokens]
key_repository = $DIR/keystone/fernet
[identity]
password_hash_rounds = 4
[credential]
key_repository = $DIR/keystone/credential
[cache]
enabled = true
backend = oslo_cache.dict
EOF
    cat > "$e/placement.conf" <<EOF
[DEFAULT]
use_stderr = true
[api]
auth_strategy = keystone
[placement_database]
connection = $(db placement)
$(authtoken placement placement)
EOF
    cat > "$e/glance.conf" <<EOF
[DEFAULT]
$common
bind_host = 127.0.0.1
bind_port = $GLANCE
workers = 0
enabled_backends = file:file
worker_self_reference_url = http://127.0.0.1:$GLANCE
[paste_deploy]
flavor = keystone
config_file = $v/glance/glance-api-paste.ini
[glance_store]
default_backend = file
[file]
filesystem_store_datadir = $DIR/images
[os_glance_staging_store]
filesystem_store_datadir = $DIR/images-staging
[os_glance_tasks_store]
filesystem_store_datadir = $DIR/images-tasks
[database]
connection = $(db glance)
[oslo_concurrency]
lock_path = $DIR/lock
$(authtoken glance image)
$(rabbit_conf)
EOF
    cat > "$e/nova.conf" <<EOF
[DEFAULT]
$common
state_path = $DIR/nova
my_ip = 127.0.0.1
host = compute1
compute_driver = $NOVA_DRIVER
osapi_compute_listen = 127.0.0.1
osapi_compute_listen_port = $NOVA
osapi_compute_workers = 1
vif_plugging_is_fatal = false
vif_plugging_timeout = 0
allow_resize_to_same_host = true
long_rpc_timeout = 60
block_device_allocate_retries = 180
block_device_allocate_retries_interval = 1
heal_instance_info_cache_interval = 60
[wsgi]
api_paste_config = $v/nova/api-paste.ini
[api]
auth_strategy = keystone
[api_database]
connection = $(db nova_api)
[database]
connection = $(db nova)
[conductor]
workers = 1
[scheduler]
workers = 1
[vnc]
enabled = false
[nova_sys_admin]
helper_command = $B/privsep-helper --config-file $e/nova.conf
[glance]
$(auth nova)
[neutron]
$(auth nova)
[cinder]
$(auth nova)
os_region_name = LAB
[placement]
$(auth nova)
[service_user]
send_service_user_token = true
$(auth nova)
[oslo_concurrency]
lock_path = $DIR/lock
$(authtoken nova compute)
$(rabbit_conf)
EOF
    cat > "$e/neutron.conf" <<EOF
[DEFAULT]
$common
state_path = $DIR/neutron
bind_host = 127.0.0.1
bind_port = $NEUTRON
api_paste_config = $v/neutron/api-paste.ini
core_plugin = ml2
service_plugins = oslab.neutron_lab.LabL3Plugin
auth_strategy = keystone
api_workers = 1
rpc_workers = 0
dhcp_agent_notification = false
enable_traditional_dhcp = false
notify_nova_on_port_status_changes = true
notify_nova_on_port_data_changes = false
[ml2]
type_drivers = flat,vxlan,local
tenant_network_types = vxlan
mechanism_drivers = oslab
extension_drivers = port_security
[ml2_type_vxlan]
vni_ranges = 1:4000
[ml2_type_flat]
flat_networks = *
[nova]
$(auth neutron)
[placement]
$(auth neutron)
[database]
connection = $(db neutron)
[oslo_concurrency]
lock_path = $DIR/lock
$(authtoken neutron network)
$(rabbit_conf)
EOF
    cat > "$e/cinder.conf" <<EOF
[DEFAULT]
$common
state_path = $DIR/cinder
my_ip = 127.0.0.1
host = volume1
auth_strategy = keystone
osapi_volume_listen = 127.0.0.1
osapi_volume_listen_port = $CINDER
osapi_volume_workers = 1
api_paste_config = $v/cinder/api-paste.ini
resource_query_filters_file = $v/cinder/resource_filters.json
glance_api_servers = http://127.0.0.1:$GLANCE
enabled_backends = lab
backend_stats_polling_interval = 10
[lab]
volume_driver = $CINDER_DRIVER
volume_backend_name = lab
[nova]
$(auth cinder)
[service_user]
send_service_user_token = true
$(auth cinder)
[cinder_sys_admin]
helper_command = $B/privsep-helper --config-file $e/cinder.conf
[privsep_osbrick]
helper_command = $B/privsep-helper --config-file $e/cinder.conf
[coordination]
backend_url = file://$DIR/cinder/coordination
[key_manager]
backend = cinder.keymgr.conf_key_mgr.ConfKeyManager
[database]
connection = $(db cinder)
[oslo_concurrency]
lock_path = $DIR/lock
$(authtoken cinder block-storage)
$(rabbit_conf)
EOF
    local name user project
    { echo clouds:
      while read -r name user project; do cat <<EOF
  $name:
    auth:
      auth_url: http://127.0.0.1:$KEYSTONE/v3
      username: $user
      password: $PW
      project_name: $project
      user_domain_id: default
      project_domain_id: default
    region_name: LAB
    identity_api_version: 3
EOF
      done <<EOF
oslab demo demo
oslab-other other other
oslab-admin admin admin
EOF
    } > "$DIR/clouds.yaml"
    chmod 600 "$DIR/clouds.yaml"
    echo "$BASE" > "$DIR/port"
}

# --------------------------------------------------------------- initialise
init_db_server() {
    [ -d "$DIR/mysql/mysql" ] && return
    say "init: MariaDB data"
    rm -rf "$DIR/mysql"
    mariadb-install-db --no-defaults --user=root --datadir="$DIR/mysql" \
        --auth-root-authentication-method=normal --skip-test-db >"$DIR/log/mariadb-install.log" 2>&1
}

DBS="keystone placement glance nova_api nova nova_cell0 neutron cinder"

init() {
    local d
    for d in $DBS; do
        echo "CREATE DATABASE IF NOT EXISTS $d CHARACTER SET utf8mb3;"
        echo "GRANT ALL ON $d.* TO oslab@localhost IDENTIFIED BY '$PW';"
    done | sql
    say "init: schemas"
    local e=$DIR/etc l=$DIR/log jobs=()
    ( "$B/keystone-manage" --config-file "$e/keystone.conf" db_sync
      "$B/keystone-manage" --config-file "$e/keystone.conf" fernet_setup --keystone-user root --keystone-group root
      "$B/keystone-manage" --config-file "$e/keystone.conf" credential_setup --keystone-user root --keystone-group root
      "$B/keystone-manage" --config-file "$e/keystone.conf" bootstrap --bootstrap-password $PW --bootstrap-region-id LAB \
        --bootstrap-public-url http://127.0.0.1:$KEYSTONE/v3 \
        --bootstrap-internal-url http://127.0.0.1:$KEYSTONE/v3 \
        --bootstrap-admin-url http://127.0.0.1:$KEYSTONE/v3
      OS_PLACEMENT_CONFIG_DIR=$e "$B/placement-manage" --config-file "$e/placement.conf" db sync
      "$B/glance-manage" --config-file "$e/glance.conf" db_sync
      "$B/cinder-manage" --config-file "$e/cinder.conf" db sync
    ) >"$l/init1.log" 2>&1 & jobs+=($!)
    ( "$B/nova-manage" --config-file "$e/nova.conf" api_db sync
      "$B/nova-manage" --config-file "$e/nova.conf" cell_v2 map_cell0 --database_connection "$(db nova_cell0)"
      [ "$(sql -e "select count(*) from nova_api.cell_mappings where name='cell1'")" != 0 ] ||
        "$B/nova-manage" --config-file "$e/nova.conf" cell_v2 create_cell --name cell1
      "$B/nova-manage" --config-file "$e/nova.conf" db sync
      "$B/neutron-db-manage" --config-file "$e/neutron.conf" upgrade head
    ) >"$l/init2.log" 2>&1 & jobs+=($!)
    wait "${jobs[0]}" || { tail -20 "$l/init1.log" >&2; die "schemas (init1.log)"; }
    wait "${jobs[1]}" || { tail -20 "$l/init2.log" >&2; die "schemas (init2.log)"; }
}

start() {
    mkdir -p "$DIR"/{log,run,tmp}
    [ "$(id -u)" = 0 ] || die "must be root"
    install
    configure
    init_db_server
    begin mariadb; begin epmd
    wait_for epmd 10 port_open $EPMD
    begin rabbit
    wait_for mariadb 60 sql -e 'select 1'
    T0=$(sql -e 'select utc_timestamp()')
    local first=; [ -e "$DIR/initialised" ] || first=1
    [ -z "$first" ] || init
    wait_for rabbit 60 port_open $RABBIT
    say "start: keystone, placement, glance"
    begin keystone; begin placement; begin glance
    wait_for keystone 90 http_ok $KEYSTONE
    if [ -n "$first" ]; then say "init: catalogue"; file_seed | "$B/python" - "$BASE" "$PW"; fi
    say "start: nova, neutron, cinder"
    local s
    for s in nova-conductor neutron nova-api cinder-scheduler cinder-api cinder-volume nova-scheduler nova-compute; do begin $s; done
    wait_for placement 90 http_ok $PLACEMENT
    wait_for glance 90 http_ok $GLANCE
    wait_for neutron 90 http_ok $NEUTRON
    wait_for nova-api 90 http_ok $NOVA
    wait_for cinder-api 90 http_ok $CINDER
    ready
    if [ -n "$first" ]; then
        say "init: flavors, public network, image"
        "$B/nova-manage" --config-file "$DIR/etc/nova.conf" cell_v2 discover_hosts >"$DIR/log/discover.log" 2>&1
        file_seed2 | "$B/python" -
        # what `reset` goes back to; the services reconnect by themselves
        end mariadb TERM 300
        rm -rf "$DIR/pristine"; mkdir "$DIR/pristine"
        cp -a "$DIR/mysql" "$DIR/images" "$DIR/pristine/"
        begin mariadb; wait_for mariadb 60 sql -e 'select 1'
        touch "$DIR/initialised"
    fi
    say "up; OS_CLIENT_CONFIG_FILE=$DIR/clouds.yaml OS_CLOUD=oslab"
}

ready() {    # every worker has reported since T0, and the schedulers know them
    local i n
    for ((i = 0; i < 300; i++)); do
        n=$(sql -e "
          select (select count(*) from nova.services where deleted=0 and disabled=0
                    and topic in ('conductor','scheduler','compute') and updated_at >= '$T0')
               + (select count(*) from cinder.services where deleted=0
                    and topic in ('cinder-scheduler','cinder-volume') and updated_at >= '$T0')
               + (select count(*) > 0 from placement.inventories)" 2>/dev/null || echo 0)
        [ "$n" -ge 6 ] && break
        sleep 0.3
    done
    [ "$n" -ge 6 ] || die "workers not ready ($n of 6)"
    file_pools | "$B/python" - || die "cinder has no backend"
}

stop() {
    local s
    # API and workers at once, then the bus and the database
    for s in cinder-api cinder-volume cinder-scheduler neutron nova-api nova-compute nova-scheduler nova-conductor glance placement keystone; do
        end $s TERM 80 &
    done
    wait
    end rabbit TERM 150; end epmd TERM 20; end mariadb TERM 300
    say stopped
}

status() {
    local s pid bad=0 mem
    for s in $SERVICES; do
        if pid=$(pid_of $s); then
            mem=$(ps -o pid= --sid "$pid" | while read -r p; do awk '/^Pss:/{print $2}' "/proc/$p/smaps_rollup" 2>/dev/null; done | awk '{s+=$1} END {print int(s/1024)}')
            printf '%-18s up    pid %-7s %4s MiB\n' "$s" "$pid" "$mem"
        else printf '%-18s down\n' "$s"; bad=1; fi
    done
    return $bad
}

reset() {
    [ -d "$DIR/pristine/mysql" ] || die "nothing to reset to"
    stop
    rm -rf "$DIR/mysql" "$DIR/images" "$DIR"/{volumes,guests,faults,rabbit/mnesia}/*
    cp -a "$DIR/pristine/mysql" "$DIR/pristine/images" "$DIR/"
}

file_init() { cat <<'OSLAB_EOF'
"""Stand-ins for what the control plane has no hardware for.

Only the lowest layer is ours: the hypervisor (nova.virt), the block store
(cinder.volume.driver), the L2/L3 agents (neutron).  Everything above is the
real service.

Fault injection, for every driver: $OSLAB_DIR/faults/<op> holds 'error' or
'sleep SECONDS' (or both, 'sleep 5 error'); read at each call; the file is
kept.  ops: spawn power_off power_on destroy attach_volume detach_volume
snapshot (nova); create_volume delete_volume initialize_connection
terminate_connection (cinder); bind_port (neutron).
"""
import os
import time

DIR = os.environ.get('OSLAB_DIR', '/var/lib/oslab')


def fault(op):
    try:
        with open(os.path.join(DIR, 'faults', op)) as f:
            words = f.read().split()
    except OSError:
        return
    while words:
        w = words.pop(0)
        if w == 'sleep':
            time.sleep(float(words.pop(0)))
        elif w == 'error':
            raise RuntimeError('oslab: injected fault in %s' % op)
OSLAB_EOF
}

file_serve() { cat <<'OSLAB_EOF'
"""python -m oslab.serve MODULE PORT THREADS: a WSGI application on loopback
(the services read sys.argv themselves, so no ready-made server's options
can stand there)."""
import importlib
import sys

module, port, threads = sys.argv[1:]
sys.argv[1:] = []
application = importlib.import_module(module).application
import waitress  # noqa: E402
waitress.serve(application, host='127.0.0.1', port=int(port),
               threads=int(threads), ident='oslab')
OSLAB_EOF
}

file_nova() { cat <<'OSLAB_EOF'
"""Nova's own fake hypervisor, plus: guests survive a restart of
nova-compute, snapshots really upload an image, the console log is a file
that a test can write, and what a guest was given is written where a test can
read it ($OSLAB_DIR/guests/<uuid>/)."""
import io
import json
import os
import subprocess

from nova.compute import power_state
from nova.compute import task_states
from nova.compute import vm_states
from nova import context as nova_context
from nova import exception
from nova.image import glance
from nova import objects
from nova.virt import fake

import oslab

SHUTDOWN = (vm_states.STOPPED, vm_states.SHELVED, vm_states.SHELVED_OFFLOADED)


class LabDriver(fake.FakeDriverWithoutFakeNodes):

    def init_host(self, host):
        super().init_host(host)
        ctxt = nova_context.get_admin_context()
        for inst in objects.InstanceList.get_by_host(
                ctxt, host, expected_attrs=['info_cache', 'flavor']):
            if inst.vm_state in (vm_states.BUILDING, vm_states.DELETED):
                continue
            state = (power_state.SHUTDOWN if inst.vm_state in SHUTDOWN
                     else power_state.RUNNING)
            self.instances[inst.uuid] = fake.FakeInstance(
                inst.name, state, inst.uuid)
            self.resources.claim(vcpus=inst.flavor.vcpus,
                                 mem=inst.flavor.memory_mb,
                                 disk=inst.flavor.root_gb)
            if inst.info_cache and inst.info_cache.network_info:
                for vif in inst.info_cache.network_info:
                    self._interfaces[vif['id']] = vif

    # -- what a guest sees -------------------------------------------------
    def _guest(self, uuid):
        d = os.path.join(oslab.DIR, 'guests', uuid)
        os.makedirs(d, exist_ok=True)
        return d

    def _event(self, name, instance, **extra):
        d = self._guest(instance.uuid)
        with open(os.path.join(d, 'events'), 'a') as f:
            f.write(json.dumps(dict(extra, event=name), default=str) + '\n')
        hook = os.path.join(oslab.DIR, 'hooks', name)
        if os.access(hook, os.X_OK):
            subprocess.run([hook, instance.uuid, d], check=True, timeout=120)

    def spawn(self, context, instance, image_meta, injected_files,
              admin_password, allocations, network_info=None,
              block_device_info=None, power_on=True, accel_info=None):
        oslab.fault('spawn')
        super().spawn(context, instance, image_meta, injected_files,
                      admin_password, allocations, network_info=network_info,
                      block_device_info=block_device_info, power_on=power_on,
                      accel_info=accel_info)
        d = self._guest(instance.uuid)
        with open(os.path.join(d, 'guest.json'), 'w') as f:
            json.dump({
                'uuid': instance.uuid, 'name': instance.display_name,
                'hostname': instance.hostname, 'user_data': instance.user_data,
                'metadata': dict(instance.metadata),
                'key_name': instance.key_name, 'key_data': instance.key_data,
                'flavor': instance.flavor.name,
                'admin_password': admin_password,
                'nics': [{'port': v['id'], 'mac': v['address'],
                          'ips': [i['address'] for i in v.fixed_ips()]}
                         for v in (network_info or [])],
                'volumes': [b.get('mount_device') for b in
                            (block_device_info or {}).get(
                                'block_device_mapping', [])],
            }, f, indent=1, default=str)
        with open(os.path.join(d, 'console.log'), 'a') as f:
            f.write('oslab: %s boots\n%s login: \n' % (
                instance.hostname, instance.hostname))
        self._event('spawn', instance)

    # *a, **kw: nova passes some of these by position, some by name
    def power_off(self, instance, *a, **kw):
        oslab.fault('power_off')
        super().power_off(instance, *a, **kw)
        self._event('power_off', instance)

    def power_on(self, context, instance, *a, **kw):
        oslab.fault('power_on')
        super().power_on(context, instance, *a, **kw)
        self._event('power_on', instance)

    def destroy(self, context, instance, *a, **kw):
        oslab.fault('destroy')
        super().destroy(context, instance, *a, **kw)
        self._event('destroy', instance)

    def attach_volume(self, context, connection_info, instance, mountpoint,
                      *a, **kw):
        oslab.fault('attach_volume')
        super().attach_volume(context, connection_info, instance, mountpoint,
                              *a, **kw)
        self._event('attach_volume', instance, mountpoint=mountpoint,
                    data=connection_info.get('data'))

    def detach_volume(self, context, connection_info, instance, mountpoint,
                      *a, **kw):
        oslab.fault('detach_volume')
        super().detach_volume(context, connection_info, instance, mountpoint,
                              *a, **kw)
        self._event('detach_volume', instance, mountpoint=mountpoint)

    def get_console_output(self, context, instance):
        try:
            with open(os.path.join(self._guest(instance.uuid),
                                   'console.log'), 'rb') as f:
                return f.read()
        except OSError:
            return b''

    def snapshot(self, context, instance, image_id, update_task_state):
        oslab.fault('snapshot')
        if instance.uuid not in self.instances:
            raise exception.InstanceNotRunning(instance_id=instance.uuid)
        api = glance.API()
        image = api.get(context, image_id)
        update_task_state(task_state=task_states.IMAGE_PENDING_UPLOAD)
        update_task_state(task_state=task_states.IMAGE_UPLOADING,
                          expected_state=task_states.IMAGE_PENDING_UPLOAD)
        meta = {'status': 'active', 'name': image['name'],
                'disk_format': 'raw', 'container_format': 'bare',
                'properties': {'image_location': 'snapshot',
                               'image_state': 'available',
                               'owner_id': instance.project_id}}
        data = ('oslab snapshot of %s' % instance.uuid).encode()
        api.update(context, image_id, meta, io.BytesIO(data.ljust(4096)))
OSLAB_EOF
}

file_cinder() { cat <<'OSLAB_EOF'
"""A block store of sparse files, $OSLAB_DIR/volumes/<volume name>."""
import os
import shutil
import subprocess

from cinder.image import image_utils
from cinder import interface
from cinder.volume import driver

import oslab

GiB = 1024 ** 3


@interface.volumedriver
class LabDriver(driver.VolumeDriver):
    VERSION = '1.0'
    CI_WIKI_NAME = 'none'

    def _path(self, name):
        return os.path.join(oslab.DIR, 'volumes', name)

    def do_setup(self, context):
        os.makedirs(self._path(''), exist_ok=True)

    def check_for_setup_error(self):
        pass

    def _new(self, path, gib):
        with open(path, 'ab') as f:
            f.truncate(gib * GiB)

    def _copy(self, src, dst, gib):
        subprocess.run(['cp', '--sparse=always', src, dst], check=True)
        self._new(dst, gib)

    def _rm(self, name):
        try:
            os.unlink(self._path(name))
        except FileNotFoundError:
            pass

    def create_volume(self, volume):
        oslab.fault('create_volume')
        self._new(self._path(volume.name), volume.size)

    def delete_volume(self, volume):
        oslab.fault('delete_volume')
        self._rm(volume.name)

    def create_snapshot(self, snapshot):
        self._copy(self._path(snapshot.volume_name), self._path(snapshot.name),
                   snapshot.volume_size)

    def delete_snapshot(self, snapshot):
        self._rm(snapshot.name)

    def create_volume_from_snapshot(self, volume, snapshot):
        self._copy(self._path(snapshot.name), self._path(volume.name),
                   volume.size)

    def create_cloned_volume(self, volume, src_vref):
        self._copy(self._path(src_vref.name), self._path(volume.name),
                   volume.size)

    def extend_volume(self, volume, new_size):
        self._new(self._path(volume.name), new_size)

    # as a store does that holds the images too, and needs no converting
    def clone_image(self, context, volume, image_location, image_meta,
                    image_service):
        source = os.path.join(oslab.DIR, 'images', image_meta['id'])
        if image_meta['disk_format'] != 'raw' or not os.path.exists(source):
            return None, False
        self._copy(source, self._path(volume.name), volume.size)
        return {}, True

    def copy_image_to_volume(self, context, volume, image_service, image_id,
                             disable_sparse=False):
        image_utils.fetch_to_raw(context, image_service, image_id,
                                 self._path(volume.name), '1M',
                                 size=volume.size, run_as_root=False)
        self._new(self._path(volume.name), volume.size)

    def copy_volume_to_image(self, context, volume, image_service,
                             image_meta):
        from cinder.volume import volume_utils
        volume_utils.upload_volume(context, image_service, image_meta,
                                   self._path(volume.name), volume,
                                   run_as_root=False)

    def ensure_export(self, context, volume):
        pass

    def create_export(self, context, volume, connector):
        pass

    def remove_export(self, context, volume):
        pass

    def initialize_connection(self, volume, connector):
        oslab.fault('initialize_connection')
        return {'driver_volume_type': 'local',
                'data': {'device_path': self._path(volume.name)}}

    def terminate_connection(self, volume, connector, **kwargs):
        oslab.fault('terminate_connection')

    def _update_volume_stats(self):
        du = shutil.disk_usage(self._path(''))
        self._stats = {
            'volume_backend_name': self.configuration.safe_get(
                'volume_backend_name') or 'lab',
            'vendor_name': 'oslab', 'driver_version': self.VERSION,
            'storage_protocol': 'local', 'multiattach': False,
            'total_capacity_gb': 100000, 'free_capacity_gb': 90000,
            'reserved_percentage': 0, 'QoS_support': False,
            'thin_provisioning_support': True,
            'thick_provisioning_support': False,
            'max_over_subscription_ratio': '20.0',
            'provisioned_capacity_gb': du.used / GiB,
        }
OSLAB_EOF
}

file_neutron() { cat <<'OSLAB_EOF'
"""Binds every port that names a host, at once and ACTIVE, as a live L2 agent
would; and a floating IP with a port is ACTIVE, as a live L3 agent would make
it."""
from neutron.services.l3_router import l3_router_plugin
from neutron_lib import constants
from neutron_lib.plugins.ml2 import api

import oslab


class LabMechanismDriver(api.MechanismDriver):

    def initialize(self):
        pass

    @property
    def connectivity(self):
        return 'l2'

    def bind_port(self, context):
        oslab.fault('bind_port')
        for segment in context.segments_to_bind:
            context.set_binding(segment[api.ID], 'ovs',
                                {'port_filter': True, 'connectivity': 'l2'},
                                constants.PORT_STATUS_ACTIVE)
            return


class LabL3Plugin(l3_router_plugin.L3RouterPlugin):

    def _status(self, context, fip):
        want = (constants.FLOATINGIP_STATUS_ACTIVE if fip['port_id']
                else constants.FLOATINGIP_STATUS_DOWN)
        if fip['status'] != want:
            self.update_floatingip_status(context.elevated(), fip['id'], want)
            fip['status'] = want
        return fip

    def create_floatingip(self, context, floatingip):
        return self._status(context,
                            super().create_floatingip(context, floatingip))

    def update_floatingip(self, context, id, floatingip):
        return self._status(context,
                            super().update_floatingip(context, id, floatingip))

    def disassociate_floatingips(self, context, port_id, *a, **kw):
        lost = [f['id'] for f in self.get_floatingips(
            context.elevated(), filters={'port_id': [port_id]})]
        routers = super().disassociate_floatingips(context, port_id, *a, **kw)
        for fip_id in lost:
            self.update_floatingip_status(context.elevated(), fip_id,
                                          constants.FLOATINGIP_STATUS_DOWN)
        return routers
OSLAB_EOF
}

file_seed() { cat <<'OSLAB_EOF'
"""Idempotent: what a cloud's operator sets up once."""
import os
import sys
import openstack

base = int(sys.argv[1])
password = sys.argv[2]
c = openstack.connect(cloud='oslab-admin')
idc = c.identity


def user(name, project, roles):
    u = idc.find_user(name) or idc.create_user(
        name=name, password=password, default_project_id=project.id,
        domain_id='default')
    for r in roles:
        idc.assign_project_role_to_user(project, u, idc.find_role(r))
    return u


def project(name):
    return idc.find_project(name) or idc.create_project(
        name=name, domain_id='default')


service = project('service')
if not idc.find_role('service'):
    idc.create_role(name='service')
for s in ('nova', 'neutron', 'cinder', 'glance', 'placement'):
    user(s, service, ['admin', 'service'])
demo = project('demo')
user('demo', demo, ['member', 'reader'])
other = project('other')
user('other', other, ['member', 'reader'])

have = {s.type: s for s in idc.services()}
for kind, name, port, path in (
        ('placement', 'placement', 1, ''),
        ('image', 'glance', 2, ''),
        ('compute', 'nova', 3, '/v2.1'),
        ('network', 'neutron', 4, ''),
        ('block-storage', 'cinder', 5, '/v3'),
        ('volumev3', 'cinderv3', 5, '/v3/%(project_id)s')):
    s = have.get(kind) or idc.create_service(type=kind, name=name)
    url = 'http://127.0.0.1:%d%s' % (base + port, path)
    seen = {e.interface for e in idc.endpoints(service_id=s.id)}
    for i in ('public', 'internal', 'admin'):
        if i not in seen:
            idc.create_endpoint(service_id=s.id, interface=i, url=url,
                                region_id='LAB')
OSLAB_EOF
}

file_seed2() { cat <<'OSLAB_EOF'
"""Idempotent, needs nova, neutron, glance up: flavors, networks, an image."""
import openstack

c = openstack.connect(cloud='oslab-admin')
for name, vcpus, ram, disk in (('v1', 1, 512, 0), ('v2', 2, 2048, 0),
                               ('m1', 1, 512, 5)):
    if not c.compute.find_flavor(name):
        c.compute.create_flavor(name=name, vcpus=vcpus, ram=ram, disk=disk)
net = c.network.find_network('public')
if not net:
    net = c.network.create_network(
        name='public', provider_network_type='flat',
        provider_physical_network='public', is_router_external=True)
if not list(c.network.subnets(network_id=net.id)):
    c.network.create_subnet(
        name='public4', network_id=net.id, ip_version=4,
        cidr='203.0.113.0/24', gateway_ip='203.0.113.1', is_dhcp_enabled=False)
if not c.image.find_image('debian-12'):
    c.image.create_image(
        name='debian-12', disk_format='raw', container_format='bare',
        visibility='public', data=b'oslab debian 12'.ljust(65536),
        validate_checksum=True, allow_duplicates=True)
OSLAB_EOF
}

file_pools() { cat <<'OSLAB_EOF'
"""Waits until cinder's scheduler has heard of a backend (before that every
volume becomes 'error': 'No valid backend was found')."""
import time
import openstack

c = openstack.connect(cloud='oslab-admin')
for _ in range(300):
    if list(c.block_storage.backend_pools()):
        break
    time.sleep(0.3)
else:
    raise SystemExit('no backend pool after 90 s')
OSLAB_EOF
}

lock() { cat <<'OSLAB_EOF'
alembic==1.14.1
amqp==5.3.1
aniso8601==10.0.0
async-timeout==5.0.1
attrs==25.1.0
automaton==3.2.0
autopage==0.5.2
bcrypt==4.0.1
blinker==1.9.0
boto3==1.36.26
botocore==1.36.26
cachetools==5.5.2
castellan==5.2.1
certifi==2026.10.18
cffi==1.17.1
charset-normalizer==3.4.1
cinder==26.3.0
click==8.1.8
cliff==4.9.1
cmd2==2.5.11
cryptography==43.0.3
cursive==0.2.3
debtcollector==3.0.0
decorator==5.1.1
defusedxml==0.7.1
distro==1.9.0
dnspython==2.7.0
dogpile.cache==1.3.4
elementpath==4.7.0
eventlet==0.39.0
fasteners==0.19
fixtures==4.2.4.post1
Flask==3.1.0
Flask-RESTful==0.3.10
futurist==3.1.0
glance==30.2.0
glance_store==4.9.1
google-api-core==2.24.1
google-api-python-client==2.161.0
google-auth==2.38.0
google-auth-httplib2==0.2.0
googleapis-common-protos==1.68.0
greenlet==3.1.1
gunicorn==23.0.0
httplib2==0.22.0
idna==3.10
importlib_metadata==8.5.0
iso8601==2.1.0
itsdangerous==2.2.0
Jinja2==3.1.5
jmespath==1.0.1
jsonpatch==1.33
jsonpointer==3.0.0
jsonschema==4.23.0
jsonschema-specifications==2024.10.1
jwcrypto==1.5.6
keystone==27.1.0
keystoneauth1==5.10.0
keystonemiddleware==10.9.1
kombu==5.4.2
logutils==0.3.5
lxml==5.3.1
Mako==1.3.9
MarkupSafe==3.0.2
microversion-parse==2.0.0
msgpack==1.1.0
ncclient==0.6.16
netaddr==1.3.0
networkx==3.4.2
neutron==26.0.6
neutron-lib==3.18.3
nova==31.3.1
numpy==2.2.3
oauthlib==3.2.2
openstack-placement==13.0.1
openstacksdk==4.4.0
os-brick==6.11.1
os-client-config==2.1.0
os-ken==3.0.2
os-resource-classes==1.1.0
os-service-types==1.7.0
os-traits==3.3.0
os-win==5.9.0
os_vif==4.1.0
osc-lib==3.2.0
oslo.cache==3.10.2
oslo.concurrency==7.1.0
oslo.config==9.7.2
oslo.context==5.7.1
oslo.db==17.2.1
oslo.i18n==6.5.1
oslo.limit==2.6.1
oslo.log==7.1.0
oslo.messaging==16.1.2
oslo.metrics==0.11.0
oslo.middleware==6.3.1
oslo.policy==4.5.1
oslo.privsep==3.6.0
oslo.reports==3.5.1
oslo.rootwrap==7.5.1
oslo.serialization==5.7.0
oslo.service==4.1.2
oslo.upgradecheck==2.5.0
oslo.utils==8.2.0
oslo.versionedobjects==3.6.0
oslo.vmware==4.6.0
osprofiler==4.2.0
ovs==3.5.0
ovsdbapp==2.11.0
packaging==24.2
paramiko==3.5.1
Paste==3.10.1
PasteDeploy==3.1.0
pbr==7.0.0
pecan==1.5.1
platformdirs==4.3.6
prettytable==3.14.0
prometheus_client==0.21.1
proto-plus==1.26.0
protobuf==5.29.3
psutil==7.0.0
pyasn1==0.6.0
pyasn1_modules==0.4.1
pycadf==4.0.1
pycparser==2.22
pydot==3.0.4
PyJWT==2.10.1
PyMySQL==1.1.1
PyNaCl==1.5.0
pyOpenSSL==24.2.1
pyparsing==3.2.1
pyperclip==1.9.0
pyroute2==0.8.1
pysaml2==7.5.2
python-barbicanclient==7.1.0
python-cinderclient==9.7.0
python-dateutil==2.9.0.post0
python-designateclient==6.2.0
python-glanceclient==4.8.0
python-keystoneclient==5.6.0
python-neutronclient==11.4.1
python-novaclient==18.9.0
python-openstackclient==7.5.0
python-swiftclient==4.7.1
pytz==2025.1
pyudev==0.24.3
PyYAML==6.0.2
redis==5.2.1
referencing==0.36.2
repoze.lru==0.7
requests==2.32.3
requestsexceptions==1.4.0
retrying==1.3.4
rfc3986==2.0.0
Routes==2.5.1
rpds-py==0.23.1
rsa==4.9
rtslib-fb==2.1.76
s3transfer==0.11.2
scrypt==0.8.27
setproctitle==1.3.4
simplegeneric==0.8.1
six==1.17.0
sortedcontainers==2.4.0
SQLAlchemy==2.0.38
statsd==4.0.1
stevedore==5.4.1
suds-community==1.2.0
tabulate==0.9.0
taskflow==5.12.0
tenacity==9.0.0
testresources==2.0.1
testscenarios==0.5.0
testtools==2.7.2
tooz==6.3.0
typing_extensions==4.12.2
tzdata==2025.1
uritemplate==4.1.1
urllib3==1.26.20
vine==5.1.0
voluptuous==0.15.2
waitress==3.0.2
warlock==2.0.1
wcwidth==0.2.13
WebOb==1.8.9
websockify==0.12.0
Werkzeug==3.1.3
wrapt==1.17.2
WSME==0.12.1
xmlschema==2.5.1
yappi==1.6.10
zipp==3.21.0
zstd==1.5.6.4
OSLAB_EOF
}


exec 9>"$DIR/.lock"; [ "$CMD" = status ] || flock -w 600 9 || die "another up.sh holds $DIR"
case $CMD in
install) mkdir -p "$DIR"/{log,run,tmp}; install ;;
start) start ;;
stop) stop ;;
status) status ;;
restart) plugins; configure; end "$SVC" TERM 80; begin "$SVC" ;;
kill) end "$SVC" KILL ;;
run) begin "$SVC" ;;
reset) reset ;;
wipe) stop; find "$DIR" -mindepth 1 -maxdepth 1 ! -name venv ! -name venv.path ! -name .lock -exec rm -rf {} + ;;
*) usage ;;
esac
