phi_test(test_http_intake SOURCES test_http_intake.c http_client.c ROOMS http)
phi_test(test_http_life SOURCES test_http_life.c http_client.c ROOMS http)
