phi_test(test_rpc_frame SOURCES test_rpc_frame.c ROOMS rpc)
phi_test(test_rpc_keys SOURCES test_rpc_keys.c ROOMS rpc)
phi_test(test_rpc SOURCES test_rpc.c rpc_kit.c ROOMS rpc PACKAGES libzmq)
phi_test(test_rpc_peers SOURCES test_rpc_peers.c rpc_kit.c ROOMS rpc PACKAGES libzmq)
