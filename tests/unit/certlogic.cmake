phi_test(test_certlogic SOURCES test_certlogic.c ROOMS certlogic json base PACKAGES jansson)
