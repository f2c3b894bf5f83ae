phi_test(test_code_cases
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_code_cases.c ${CMAKE_SOURCE_DIR}/phictl/code/judge.c
  ROOMS base crypto codes json store bus auth codeside picture PACKAGES jansson)
target_link_libraries(test_code_cases PRIVATE zint)
