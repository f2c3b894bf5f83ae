phi_test(test_revocation SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_revocation.c ROOMS base crypto codes)
phi_test(test_filter SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_filter.c ROOMS base crypto codes PACKAGES jansson)
