phi_test(test_service_options SOURCES test_service_options.c ROOMS service PACKAGES libpq)
