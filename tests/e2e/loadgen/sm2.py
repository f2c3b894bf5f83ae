"""SM2 with SM3 by OpenSSL 3: signatures as raw r‖s, user id 1234567812345678. The interpreter's lock is free meanwhile."""
import ctypes

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

USER_ID = b"1234567812345678"
DIGEST = b"SM3"
SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d03420004")
# PrivateKeyInfo of an SM2 key around its number and its point.
PKCS8 = (bytes.fromhex("308187020100301306072a8648ce3d020106082a811ccf5501822d046d306b0201010420"),
         bytes.fromhex("a14403420004"))

_lib = ctypes.CDLL("libcrypto.so.3")
_POINTER, _SIZE, _BYTES = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p


def _declare(name, result, *arguments):
    function = getattr(_lib, name)
    function.restype, function.argtypes = result, arguments
    return function


_d2i_private = _declare("d2i_AutoPrivateKey", _POINTER, _POINTER, ctypes.POINTER(_BYTES), ctypes.c_long)
_d2i_public = _declare("d2i_PUBKEY", _POINTER, _POINTER, ctypes.POINTER(_BYTES), ctypes.c_long)
_md_new = _declare("EVP_MD_CTX_new", _POINTER)
_md_free = _declare("EVP_MD_CTX_free", None, _POINTER)
_set_id = _declare("EVP_PKEY_CTX_set1_id", ctypes.c_int, _POINTER, _BYTES, ctypes.c_int)
_sign_init = _declare("EVP_DigestSignInit_ex", ctypes.c_int, _POINTER, ctypes.POINTER(_POINTER), _BYTES, _POINTER,
                      _BYTES, _POINTER, _POINTER)
_sign = _declare("EVP_DigestSign", ctypes.c_int, _POINTER, _BYTES, ctypes.POINTER(_SIZE), _BYTES, _SIZE)
_verify_init = _declare("EVP_DigestVerifyInit_ex", ctypes.c_int, _POINTER, ctypes.POINTER(_POINTER), _BYTES, _POINTER,
                        _BYTES, _POINTER, _POINTER)
_verify = _declare("EVP_DigestVerify", ctypes.c_int, _POINTER, _BYTES, _SIZE, _BYTES, _SIZE)


def _decode(function, der):
    key = function(None, ctypes.byref(_BYTES(der)), len(der))
    if not key:
        raise ValueError("not an SM2 key")
    return key


def _begin(init, key):
    context, key_context = _md_new(), _POINTER()
    if init(context, ctypes.byref(key_context), DIGEST, None, None, key, None) != 1:
        raise ValueError("OpenSSL refuses the key")
    _set_id(key_context, USER_ID, len(USER_ID))
    return context


class Signer:
    """Of a private key (number and point) as phi_client.sm2.PrivateKey holds it. Any thread."""

    def __init__(self, key):
        self.serial = key.public.serial
        self._key = _decode(_d2i_private, PKCS8[0] + key.number.to_bytes(32, "big") + PKCS8[1] + key.public.xy)

    def sign(self, message):
        context = _begin(_sign_init, self._key)
        try:
            out, size = ctypes.create_string_buffer(80), _SIZE(80)
            if _sign(context, out, ctypes.byref(size), message, len(message)) != 1:
                raise ValueError("OpenSSL does not sign")
        finally:
            _md_free(context)
        r, s = decode_dss_signature(out.raw[: size.value])
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


class Verifier:
    """Of a public key as phi_client.sm2.PublicKey holds it. Any thread."""

    def __init__(self, public):
        self._key = _decode(_d2i_public, SPKI + public.xy)

    def verify(self, message, signature):
        if len(signature) != 64:
            return False
        der = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
        context = _begin(_verify_init, self._key)
        try:
            return _verify(context, der, len(der), message, len(message)) == 1
        finally:
            _md_free(context)
