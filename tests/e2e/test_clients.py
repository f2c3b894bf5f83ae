"""The tests' own clients, held against published vectors, so that a fault of theirs isn't taken for one of the suite."""
from phi_client.http import App
from phi_client.people import WEIGHTS, Person, id_number
from phi_client.sm2 import PrivateKey, PublicKey, digest


def test_sm3_of_abc_is_the_standards_example():
    assert digest(b"abc").hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"


def test_a_signature_verifies_for_its_message_only():
    key = PrivateKey()
    signature = key.sign(b"message")
    assert len(signature) == 64
    assert key.public.verify(b"message", signature)
    assert not key.public.verify(b"massage", signature)
    assert not PrivateKey().public.verify(b"message", signature)


def test_a_key_that_begins_with_04_is_a_key_like_others():
    key = next(key for key in (PrivateKey(number) for number in range(1, 5000)) if key.public.xy[0] == 4)
    assert key.public.verify(b"message", key.sign(b"message"))


def test_public_keys_go_through_pem_and_back():
    key = PrivateKey().public
    again = PublicKey.from_pem(key.pem())
    assert again.xy == key.xy and len(again.serial) == 16


def test_an_authorization_names_app_serial_time_nonce_and_signature():
    app = App("hz-app")
    nonce, header = app.authorization("GET", "/v1/x?a=b", b"", timestamp=1700000000)
    assert header.startswith('PHI-SM2-SM3 app_id="hz-app",key_serial="') and f'nonce="{nonce}"' in header


def test_invented_id_numbers_have_a_valid_check_digit_and_differ():
    numbers = {id_number(n) for n in range(0, 336_000, 997)}
    assert len(numbers) == len(range(0, 336_000, 997))
    for number in numbers:
        total = sum(int(digit) * weight for digit, weight in zip(number[:17], WEIGHTS))
        assert (total + (10 if number[17] == "X" else int(number[17]))) % 11 == 1
    assert Person().id_no != Person().id_no
