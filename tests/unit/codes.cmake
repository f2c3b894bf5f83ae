foreach(module chain bucket consent entry factid grade idtype jkm1 mask notice query_message receipt relay_message region subject value_set verify_message)
  phi_test(test_${module} SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_${module}.c ROOMS base crypto codes
    PACKAGES jansson)
endforeach()
