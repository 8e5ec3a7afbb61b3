//! How OpenNebula is read: XML-RPC, zones, versions, oned.conf, dumps, fingerprints.
