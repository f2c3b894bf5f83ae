/* The part of the crypto machine's interface (密码设备应用接口规范, GM/T 0018-2012) that we call: its
 * structures byte for byte, its functions as a table of pointers. Inside the sdf folder and the
 * software device of the tests only.
 *
 *   struct gmt0018 device;
 *   PHI_GUARD(phi_sdf_library_open("/usr/lib/libsdf.so", &library, &device, error));
 *   int status = device.open_device(&handle);         // GMT0018_OK, or a number of the standard
 *
 * Functions of the standard take pointers without const; none of those that we call writes through
 * an input. They block for as long as the machine likes, on any thread, one call a session.
 */
#ifndef PHI_CRYPTO_SDF_GMT0018_H
#define PHI_CRYPTO_SDF_GMT0018_H

#include <stdint.h>

#define GMT0018_OK          0x00000000
#define GMT0018_COMM        0x01000003
#define GMT0018_HARD        0x01000004
#define GMT0018_OPENDEVICE  0x01000005
#define GMT0018_OPENSESSION 0x01000006
#define GMT0018_PARDENY     0x01000007
#define GMT0018_NO_KEY      0x01000008
#define GMT0018_ALGORITHM   0x01000009
#define GMT0018_VERIFY      0x0100000E
#define GMT0018_STEP        0x01000010
#define GMT0018_RANDOM      0x01000017
#define GMT0018_NO_BUFFER   0x0100001C
#define GMT0018_INPUT       0x0100001D

#define GMT0018_SM4_ECB 0x00000401
#define GMT0018_SM3     0x00000001
#define GMT0018_SM2_1   0x00020200

/* Numbers stand at the right end of fields for curves of up to 512 bits. */
#define GMT0018_ECC_LEN 64

struct gmt0018_public {
    uint32_t bits;
    uint8_t x[GMT0018_ECC_LEN];
    uint8_t y[GMT0018_ECC_LEN];
};

struct gmt0018_signature {
    uint8_t r[GMT0018_ECC_LEN];
    uint8_t s[GMT0018_ECC_LEN];
};

/* GMT0018_FUNCTION(our name, the standard's name, parameters) */
#define GMT0018_FUNCTIONS                                                                          \
    GMT0018_FUNCTION(open_device, SDF_OpenDevice, (void **device))                                 \
    GMT0018_FUNCTION(close_device, SDF_CloseDevice, (void *device))                                \
    GMT0018_FUNCTION(open_session, SDF_OpenSession, (void *device, void **session))                \
    GMT0018_FUNCTION(close_session, SDF_CloseSession, (void *session))                             \
    GMT0018_FUNCTION(access_get, SDF_GetPrivateKeyAccessRight,                                     \
                     (void *session, uint32_t index, uint8_t *password, uint32_t len))             \
    GMT0018_FUNCTION(access_release, SDF_ReleasePrivateKeyAccessRight,                             \
                     (void *session, uint32_t index))                                              \
    GMT0018_FUNCTION(random, SDF_GenerateRandom, (void *session, uint32_t len, uint8_t *out))      \
    GMT0018_FUNCTION(export_sign_public, SDF_ExportSignPublicKey_ECC,                              \
                     (void *session, uint32_t index, struct gmt0018_public *key))                  \
    GMT0018_FUNCTION(internal_sign, SDF_InternalSign_ECC,                                          \
                     (void *session, uint32_t index, uint8_t *digest, uint32_t len,                \
                      struct gmt0018_signature *sig))                                              \
    GMT0018_FUNCTION(internal_verify, SDF_InternalVerify_ECC,                                      \
                     (void *session, uint32_t index, uint8_t *digest, uint32_t len,                \
                      struct gmt0018_signature *sig))                                              \
    GMT0018_FUNCTION(external_verify, SDF_ExternalVerify_ECC,                                      \
                     (void *session, uint32_t algorithm, struct gmt0018_public *key,               \
                      uint8_t *digest, uint32_t len, struct gmt0018_signature *sig))               \
    GMT0018_FUNCTION(generate_with_kek, SDF_GenerateKeyWithKEK,                                    \
                     (void *session, uint32_t bits, uint32_t algorithm, uint32_t kek,              \
                      uint8_t *wrapped, uint32_t *len, void **key))                                \
    GMT0018_FUNCTION(import_with_kek, SDF_ImportKeyWithKEK,                                        \
                     (void *session, uint32_t algorithm, uint32_t kek, uint8_t *wrapped,           \
                      uint32_t len, void **key))                                                   \
    GMT0018_FUNCTION(destroy_key, SDF_DestroyKey, (void *session, void *key))                      \
    GMT0018_FUNCTION(encrypt, SDF_Encrypt,                                                         \
                     (void *session, void *key, uint32_t algorithm, uint8_t *iv, uint8_t *in,      \
                      uint32_t in_len, uint8_t *out, uint32_t *out_len))                           \
    GMT0018_FUNCTION(hash_init, SDF_HashInit,                                                      \
                     (void *session, uint32_t algorithm, struct gmt0018_public *key, uint8_t *id,  \
                      uint32_t id_len))                                                            \
    GMT0018_FUNCTION(hash_update, SDF_HashUpdate, (void *session, uint8_t *in, uint32_t len))      \
    GMT0018_FUNCTION(hash_final, SDF_HashFinal, (void *session, uint8_t *out, uint32_t *len))

struct gmt0018 {
#define GMT0018_FUNCTION(name, symbol, parameters) int(*name) parameters;
    GMT0018_FUNCTIONS
#undef GMT0018_FUNCTION
};

#endif
