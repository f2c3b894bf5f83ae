# Keys: made with phictl, each program's folder holds only what that program may read (keys.txt), under a manifest.
# shellcheck shell=bash

phi_key_rows() {
    grep -v '^#' "$PHI_COMPOSE/keys.txt"
}

# phi_key_readers ROW-READERS: `each` spelled out; only who is here: a province has no svc-platform.
phi_key_readers() {
    local reader
    if [ "$1" = each ]; then
        phi_service_names
    else
        for reader in "$@"; do
            [ "$reader" != operator ] && [ -z "$(phi_service_field "$reader" 1)" ] || printf '%s\n' "$reader"
        done
    fi
}

# phi_key VERB FOLDER ARGUMENTS…: a step in the life of the folder's keys, under its manifest.
phi_key() {
    local verb=$1 folder=$2
    shift 2
    "$PHI_BIN/phictl" key "$verb" --manifest "$folder/manifest" --password-file "$folder/password" "$@"
}

# phi_key_make KIND USE FOLDER: the key and, where it has one, its public half in keys/public.
phi_key_make() {
    local kind=$1 use=$2 folder=$3 name password
    name=$(basename "$folder") password=$folder/password
    case $kind in
    sm2)
        phi_key new "$folder" --use "$use" --out "$folder/$use.key"
        "$PHI_BIN/phictl" key public --in "$folder/$use.key" --password-file "$password" \
            --out "$PHI_RUN/keys/public/$name.$use.pub"
        ;;
    secret-*)
        phi_key new "$folder" --use "$use" --secret "${kind#secret-}" --out "$folder/$use.key"
        ;;
    curve)
        "$PHI_BIN/phictl" key curve --out "$folder/curve.key"
        mv "$folder/curve.key.pub" "$PHI_RUN/keys/public/$name.curve.pub"
        phi_key store "$folder" --use curve --in "$folder/curve.key"
        ;;
    esac > /dev/null || phi_fail "phictl could not make the key '$use' of $name"
}

# A folder for a program, an app or the operator, with the password of its keys. Shared keys are files under one
# password, so on one machine all have the same.
phi_key_folder() {
    local folder=$1 password=$PHI_RUN/keys/.password
    [ -s "$password" ] || (umask 077 && head -c 24 /dev/urandom | base64 | tr '+/' '-_' > "$password")
    mkdir -p -m 0700 "$folder"
    [ -s "$folder/password" ] || install -m 0600 "$password" "$folder/password"
}

# Every key of keys.txt that is not there yet.
phi_keys_make() {
    local use kind variable readers reader first
    mkdir -p "$PHI_RUN/keys/public"
    chmod 0711 "$PHI_RUN/keys"
    while read -r use kind variable readers; do
        first=''
        # The national index key is not made by a province: it is handed over.
        [ "$use" != index ] || [ -z "$PHI_HOST_RUN" ] || continue
        # shellcheck disable=SC2086
        for reader in $(phi_key_readers $readers); do
            local folder=$PHI_RUN/keys/$reader
            phi_key_folder "$folder"
            if [ -s "$folder/$use.key" ]; then
                first=${first:-$folder}
            elif [ -n "$first" ] && [[ $kind = secret-* ]]; then
                install -m 0600 "$first/$use.key" "$folder/$use.key"
                phi_key store "$folder" --use "$use" --in "$folder/$use.key" > /dev/null
            else
                phi_key_make "$kind" "$use" "$folder"
                first=$folder
            fi
        done
    done < <(phi_key_rows)
    phi_ca_make
}

# The platform CA, a root of its own here.
phi_ca_make() {
    local folder=$PHI_RUN/keys/svc-platform
    [ -s "$folder/ca.key" ] && [ ! -s "$PHI_RUN/keys/public/ca.pem" ] || return 0
    "$PHI_BIN/phictl" cert ca --key "$folder/ca.key" --password-file "$folder/password" --organization 统一平台 \
        --name "platform CA" --days 3650 --path-length 0 --out "$PHI_RUN/keys/public/ca.pem" > /dev/null ||
        phi_fail "phictl could not make the platform CA"
}

# phi_key_environment NAME: the variables of the keys that a program may read.
phi_key_environment() {
    local name=$1 use kind variable readers
    printf 'PHI_KEY_PASSWORD_FILE=%s\n' "$PHI_RUN/keys/$name/password"
    [ ! -s "$PHI_RUN/keys/$name/manifest" ] || printf 'PHI_KEY_MANIFEST_FILE=%s\n' "$PHI_RUN/keys/$name/manifest"
    while read -r use kind variable readers; do
        [ "$readers" = each ] || [[ " $readers " == *" $name "* ]] || continue
        # A key that was archived is no longer there; the manifest knows who followed it.
        [ -s "$PHI_RUN/keys/$name/$use.key" ] || continue
        printf '%s=%s\n' "$variable" "$PHI_RUN/keys/$name/$use.key"
    done < <(phi_key_rows)
    printf 'PHI_ACCESS_PUBLIC_FILE=%s\n' "$PHI_RUN/keys/public/operator.access.pub"
    printf 'PHI_TRUST_PUBLIC_FILE=%s\n' "$PHI_RUN/keys/public/svc-platform.trust.pub"
}
