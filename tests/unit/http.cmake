phi_test(test_http_intake SOURCES test_http_intake.c http_client.c ROOMS http)
phi_test(test_http_life SOURCES test_http_life.c http_fixture.c http_client.c ROOMS http)
phi_test(test_http_drain SOURCES test_http_drain.c http_fixture.c http_client.c ROOMS http)
phi_test(test_http_together SOURCES test_http_together.c http_fixture.c http_client.c ROOMS http)
