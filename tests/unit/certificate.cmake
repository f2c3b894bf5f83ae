phi_test(test_certificate SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_certificate.c ROOMS base crypto)
phi_test(test_auth_certificate SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_auth_certificate.c ROOMS auth crypto base)
