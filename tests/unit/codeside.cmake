phi_test(test_codeside SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_codeside.c
  ROOMS base crypto codes codeside PACKAGES jansson)
