-- A baremetal node whose RAID missed a growth repeats it with one cluster more on each replica.
GRANT UPDATE (guest_bytes) ON volume TO diskengine_agent;
GRANT UPDATE (size_bytes) ON lvol TO diskengine_agent;
