"""A load of signed business requests that lasts through outages, and the reconciliation of what was acknowledged.

Fast where phi_client is independent: SM2 is OpenSSL's through ctypes (2,000 signatures a second, gmssl makes 100)."""
