phi_test(test_mark SOURCES test_mark.c ROOMS mark)
phi_test(test_picture SOURCES test_picture.c ROOMS picture PACKAGES cairo jansson)
set_tests_properties(test_picture PROPERTIES ENVIRONMENT
  "LSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/tests/tools/lsan.supp:print_suppressions=0")
