# A further province that joins a running suite: a guest of its broker, database server, identity provider and unified
# platform. Keys, database, topics, registry of callers and services are the guest's own.
# shellcheck shell=bash

# What of the host the guest uses, in its own state and keys, so that everything else finds it there.
phi_guest_state() {
    local name
    for name in broker acls regions pg.dir pg.socket port.idp port.postgres port.broker port.broker.sasl port.svc-platform port.svc-platform.rpc; do
        phi_set "$name" "$(PHI_RUN=$PHI_HOST_RUN phi_get "$name")"
    done
    mkdir -p "$PHI_RUN/keys/public"
    cp "$PHI_HOST_RUN"/keys/public/svc-platform.{trust,curve}.pub "$PHI_RUN/keys/public/"
}

# The national index key: from the host's key folder into the guest's, sealed to the guest's encryption key on its way.
phi_guest_index_key() {
    local own=$PHI_RUN/keys/province theirs=$PHI_HOST_RUN/keys/svc-directory id readers reader
    [ ! -s "$PHI_RUN/keys/svc-directory/index.key" ] || return 0
    phi_key_folder "$own"
    [ -s "$own/encryption.key" ] || phi_key_make sm2 encryption "$own"
    id=$(awk '$1 == "key" && $2 == "index" {print $5}' "$theirs/manifest" | tail -1)
    rm -f "$own/index.parcel"
    phi_key distribute "$theirs" --id "$id" --to "$PHI_RUN/keys/public/province.encryption.pub" \
        --out "$own/index.parcel" > /dev/null || phi_fail "the index key could not be handed over"
    readers=$(phi_key_rows | awk '$1 == "index" {$1 = $2 = $3 = ""; print}')
    # shellcheck disable=SC2086
    for reader in $(phi_key_readers $readers); do
        phi_key_folder "$PHI_RUN/keys/$reader"
        phi_key store "$PHI_RUN/keys/$reader" --in "$own/index.parcel" --unseal-key "$own/encryption.key" \
            --unseal-password-file "$own/password" > /dev/null || phi_fail "the index key could not be stored"
    done
}

# phi_guest_peers REGION OF-RUN OF-REGION: OF-REGION's programs may ask REGION's, who is written by this suite's operator.
phi_guest_peers() {
    local program
    for program in svc-verify svc-directory; do
        phi_registry_put "$1" peer --platform "$3" --program "$program" \
            --curve "$(cat "$2/keys/public/$program.curve.pub")" --scopes pass,medical
    done
}

# In the host's registries: the guest's directory may ask the nation and the host's province, its svc-verify the latter.
phi_guest_known() {
    local guest=$PHI_RUN guest_region=$PHI_PROVINCE host_region app roles scopes sources institution
    (
        PHI_RUN=$PHI_HOST_RUN PHI_HOST_RUN=''
        host_region=$(phi_get province 320000)
        phi_guest_peers "$host_region" "$guest" "$guest_region"
        phi_registry_put "$PHI_NATION" peer --platform "$guest_region" --program svc-directory \
            --curve "$(cat "$guest/keys/public/svc-directory.curve.pub")" --scopes pass,medical,self
        phi_registry_put "$PHI_NATION" peer --platform "$guest_region" --program svc-verify \
            --curve "$(cat "$guest/keys/public/svc-verify.curve.pub")" --scopes pass
        while read -r app roles scopes sources institution; do
            [ "$scopes" != - ] || scopes=''
            phi_registry_put "$PHI_NATION" app --app "$app" --name "$app" --client-id "$app" --roles "$roles" \
                --public "$guest/keys/apps/$app/public.pem" --scopes "$scopes" --institution "$institution"
        done < <(PHI_PROVINCE=$guest_region phi_app_rows | grep -E "^(directory|province)-")
    )
    phi_guest_peers "$guest_region" "$PHI_HOST_RUN" "$(PHI_RUN=$PHI_HOST_RUN phi_get province 320000)"
}

# The nation's own node (GB/T 38961 B.5: codes for a province still without a system) has the nation's registry of
# callers, and so its operator.
phi_guest_operator() {
    [ "$PHI_PROVINCE" = "$PHI_NATION" ] && [ ! -d "$PHI_RUN/keys/operator" ] || return 0
    cp -a "$PHI_HOST_RUN/keys/operator" "$PHI_RUN/keys/operator"
    cp "$PHI_HOST_RUN/keys/public/operator.access.pub" "$PHI_RUN/keys/public/"
}

# Everything but the services: run where PHI_HOST_RUN is up.
phi_guest_join() {
    [ -n "$PHI_HOST_RUN" ] || phi_fail "join: PHI_HOST_RUN says whom"
    phi_guest_state
    phi_choose_ports
    phi_check_ports
    phi_guest_operator
    phi_guest_index_key
    phi_keys_make
    phi_pg_setup
    phi_broker_topics
    phi_bus_users
    phi_registry_write
    phi_guest_known
}

# phi_guests: the folders of the provinces that joined this suite.
phi_guests() {
    local folder
    for folder in "$PHI_RUN"/[0-9][0-9][0-9][0-9][0-9][0-9]; do
        [ ! -f "$folder/state" ] || printf '%s\n' "$folder"
    done
}

# phi_as_guest FOLDER COMMAND…: with that province's parameters.
phi_as_guest() {
    local folder=$1
    shift
    (PHI_HOST_RUN=$PHI_RUN PHI_RUN=$folder PHI_PROVINCE=$(basename "$folder") && "$@")
}

phi_guests_stop() {
    local folder
    [ -z "$PHI_HOST_RUN" ] || return 0
    for folder in $(phi_guests); do
        phi_as_guest "$folder" phi_stop_all
    done
}
